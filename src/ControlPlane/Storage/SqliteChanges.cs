using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace ControlPlane.Storage;

/// <summary>Tells whether the file has changed, or what of it may let agents in: a connection of its own that only looks. One call at a time.</summary>
/// <remarks>
/// Right on SQLite's functions: as a command it would take longer than some of the reads that it spares. And a statement runs only when there was a commit
/// since it did last.
/// </remarks>
internal sealed class SqliteChanges : IDisposable
{
    private readonly SqliteConnection _connection;
    private readonly Question _anything;
    private readonly Question _agentTokens;
    private readonly SqliteWalIndex? _commits;

    /// <param name="connection">Open; owned from here on, and used for nothing else: its own commits would not count.</param>
    public SqliteChanges(SqliteConnection connection)
    {
        _connection = connection;
        _anything = new Question(connection.Handle!, "PRAGMA data_version");
        _agentTokens = new Question(connection.Handle!, "SELECT mark FROM agent_token_mark");

        // Only once it has read the file.
        _commits = _anything.Ask(commits: null) is null ? null : SqliteWalIndex.Of(connection.Handle!);

        // While the file is locked it does not say. Who asks would wait behind all others that do.
        _ = raw.sqlite3_busy_timeout(connection.Handle, 0);
    }

    /// <summary>Another number after each commit of any other connection, of this process or not; null when SQLite does not say.</summary>
    public long? Mark() => _anything.Ask(_commits);

    /// <summary>See <see cref="AgentTokenSchema"/>; null when SQLite does not say.</summary>
    public long? AgentTokenMark() => _agentTokens.Ask(_commits);

    public void Dispose()
    {
        _anything.Dispose();
        _agentTokens.Dispose();
        _connection.Dispose();
    }

    private sealed class Question(sqlite3 database, string sql) : IDisposable
    {
        private readonly sqlite3_stmt? _statement =
            raw.sqlite3_prepare_v2(database, sql, out var statement) == raw.SQLITE_OK ? statement : null;

        private readonly byte[] _asked = new byte[SqliteWalIndex.HeaderLength];
        private long? _answer;

        public long? Ask(SqliteWalIndex? commits)
        {
            if (_statement is null || (_answer is not null && commits?.Is(_asked) == true))
            {
                return _answer;
            }

            // Before asking: a commit that comes meanwhile is asked for once more.
            commits?.CopyTo(_asked);
            _answer = raw.sqlite3_step(_statement) == raw.SQLITE_ROW ? raw.sqlite3_column_int64(_statement, 0) : null;
            if (raw.sqlite3_reset(_statement) != raw.SQLITE_OK)
            {
                _answer = null;
            }

            return _answer;
        }

        public void Dispose() => _statement?.Dispose();
    }
}
