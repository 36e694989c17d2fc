using System.Data.Common;

namespace ControlPlane.Storage;

/// <summary>A command in use. Its disposal returns it to the connection's cache, or disposes the command where there is no cache.</summary>
internal readonly struct Statement : IDisposable
{
    private readonly IStatementCache? _cache;

    private Statement(IStatementCache? cache, DbCommand command) => (_cache, Command) = (cache, command);

    public DbCommand Command { get; }

    public static Statement Of(DbConnection connection, string sql)
    {
        if (connection is IStatementCache cache)
        {
            return new Statement(cache, cache.Rent(sql));
        }

        var command = connection.CreateCommand();
        command.CommandText = sql;
        return new Statement(null, command);
    }

    public void Dispose()
    {
        if (_cache is null)
        {
            Command.Dispose();
        }
        else
        {
            _cache.Return(Command);
        }
    }
}
