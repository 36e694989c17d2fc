using System.Data.Common;
using ControlPlane.Storage;

namespace ControlPlane.Tests;

/// <summary>Statements that tests run in between, whose threads may wait for the answer.</summary>
internal static class DatabaseReads
{
    public static T Read<T>(this Database database, Func<DbConnection, T> query)
    {
        var connection = database.Engine.Rent();
        try
        {
            var result = query(connection);
            database.Engine.Return(connection);
            return result;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }
}
