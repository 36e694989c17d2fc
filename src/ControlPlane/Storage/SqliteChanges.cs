using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace ControlPlane.Storage;

/// <summary>Tells whether the file has changed, by <c>PRAGMA data_version</c>: a connection of its own that only looks.</summary>
/// <remarks>Right on SQLite's functions: as a command it would take longer than some of the reads that it spares.</remarks>
internal sealed class SqliteChanges : IDisposable
{
    private readonly SqliteConnection _connection;
    private readonly sqlite3_stmt? _statement;

    /// <param name="connection">Open; owned from here on, and used for nothing else: its own commits would not count.</param>
    public SqliteChanges(SqliteConnection connection)
    {
        _connection = connection;
        if (raw.sqlite3_prepare_v2(connection.Handle, "PRAGMA data_version", out var statement) == raw.SQLITE_OK)
        {
            _statement = statement;
        }

        // While the file is locked it does not say. Who asks would wait behind all others that do.
        _ = raw.sqlite3_busy_timeout(connection.Handle, 0);
    }

    /// <summary>Another number after each commit of any other connection, of this process or not; null when SQLite does not say. One call at a time.</summary>
    public long? Mark()
    {
        if (_statement is null)
        {
            return null;
        }

        long? mark = raw.sqlite3_step(_statement) == raw.SQLITE_ROW ? raw.sqlite3_column_int64(_statement, 0) : null;
        return raw.sqlite3_reset(_statement) == raw.SQLITE_OK ? mark : null;
    }

    public void Dispose()
    {
        _statement?.Dispose();
        _connection.Dispose();
    }
}
