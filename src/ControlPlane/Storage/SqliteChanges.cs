using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace ControlPlane.Storage;

/// <summary>Tells whether the file has changed, or what of it may let agents in: a connection of its own that only looks. One call at a time.</summary>
/// <remarks>Right on SQLite's functions: as a command it would take longer than some of the reads that it spares.</remarks>
internal sealed class SqliteChanges : IDisposable
{
    private readonly SqliteConnection _connection;
    private readonly sqlite3_stmt? _anything;
    private readonly sqlite3_stmt? _agentTokens;

    /// <param name="connection">Open; owned from here on, and used for nothing else: its own commits would not count.</param>
    public SqliteChanges(SqliteConnection connection)
    {
        _connection = connection;
        _anything = Prepare("PRAGMA data_version");
        _agentTokens = Prepare("SELECT mark FROM agent_token_mark");

        // While the file is locked it does not say. Who asks would wait behind all others that do.
        _ = raw.sqlite3_busy_timeout(connection.Handle, 0);
    }

    /// <summary>Another number after each commit of any other connection, of this process or not; null when SQLite does not say.</summary>
    public long? Mark() => Ask(_anything);

    /// <summary>See <see cref="AgentTokenSchema"/>; null when SQLite does not say.</summary>
    public long? AgentTokenMark() => Ask(_agentTokens);

    public void Dispose()
    {
        _anything?.Dispose();
        _agentTokens?.Dispose();
        _connection.Dispose();
    }

    private sqlite3_stmt? Prepare(string sql) =>
        raw.sqlite3_prepare_v2(_connection.Handle, sql, out var statement) == raw.SQLITE_OK ? statement : null;

    private static long? Ask(sqlite3_stmt? statement)
    {
        if (statement is null)
        {
            return null;
        }

        long? mark = raw.sqlite3_step(statement) == raw.SQLITE_ROW ? raw.sqlite3_column_int64(statement, 0) : null;
        return raw.sqlite3_reset(statement) == raw.SQLITE_OK ? mark : null;
    }
}
