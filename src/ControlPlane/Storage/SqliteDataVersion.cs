using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace ControlPlane.Storage;

/// <summary>
/// <c>PRAGMA data_version</c> (sqlite.org/pragma.html#pragma_data_version) on a connection of its own: a number that changes with each
/// commit of any other connection, in this process or another. Not thread-safe.
/// </summary>
/// <remarks>
/// This type calls SQLite's C functions: as a command, the pragma would cost more than some of the queries that it saves.
/// </remarks>
internal sealed class SqliteDataVersion : IDisposable
{
    private readonly SqliteConnection _connection;
    private readonly sqlite3_stmt? _statement;

    /// <param name="connection">An open connection. This object owns it, and nothing else may use it: its own commits do not count.</param>
    public SqliteDataVersion(SqliteConnection connection)
    {
        _connection = connection;
        _statement = raw.sqlite3_prepare_v2(connection.Handle, "PRAGMA data_version", out var statement) == raw.SQLITE_OK
            ? statement
            : null;

        // Without a busy time-out a locked file gives null at once. Callers hold a lock meanwhile, and must not wait for each other.
        _ = raw.sqlite3_busy_timeout(connection.Handle, 0);
    }

    /// <summary>The number, or null when SQLite gives none, for example because the file is locked.</summary>
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
