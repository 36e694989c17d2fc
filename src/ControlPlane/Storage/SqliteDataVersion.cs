using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace ControlPlane.Storage;

/// <summary>
/// <c>PRAGMA data_version</c> (sqlite.org/pragma.html#pragma_data_version) on a connection of its own: another number after each commit of any other
/// connection, of this process or another. One call at a time.
/// </summary>
/// <remarks>Right on SQLite's functions: as a command it would take longer than some of the reads that it spares.</remarks>
internal sealed class SqliteDataVersion : IDisposable
{
    private readonly SqliteConnection _connection;
    private readonly sqlite3_stmt? _statement;

    /// <param name="connection">Open; owned from here on, and used for nothing else: its own commits would not count.</param>
    public SqliteDataVersion(SqliteConnection connection)
    {
        _connection = connection;
        _statement = raw.sqlite3_prepare_v2(connection.Handle, "PRAGMA data_version", out var statement) == raw.SQLITE_OK ? statement : null;

        // A locked file gives no answer at once: callers wait for each other here.
        _ = raw.sqlite3_busy_timeout(connection.Handle, 0);
    }

    /// <summary>Null when SQLite does not tell.</summary>
    public long? Read()
    {
        if (_statement is null)
        {
            return null;
        }

        var version = raw.sqlite3_step(_statement) == raw.SQLITE_ROW ? raw.sqlite3_column_int64(_statement, 0) : (long?)null;
        return raw.sqlite3_reset(_statement) == raw.SQLITE_OK ? version : null;
    }

    public void Dispose()
    {
        _statement?.Dispose();
        _connection.Dispose();
    }
}
