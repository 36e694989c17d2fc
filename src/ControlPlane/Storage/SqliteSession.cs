using System.Data.Common;
using Microsoft.Data.Sqlite;

namespace ControlPlane.Storage;

/// <summary>A connection that keeps the statements it has prepared: preparing one takes longer than most of them run.</summary>
internal sealed class SqliteSession(string connectionString) : SqliteConnection(connectionString), IStatementCache
{
    // Statements are constants of the program, and there are fewer; no text that a client sends is among them.
    private const int MaxStatements = 128;

    private readonly Dictionary<string, SqliteCommand> _idle = [];

    /// <summary>Which of the engine's files it has open: see <see cref="SqliteEngine.CloseIdleConnections"/>.</summary>
    public int Generation { get; init; }

    public DbCommand Rent(string sql)
    {
        if (!_idle.Remove(sql, out var command))
        {
            command = CreateCommand();
            command.CommandText = sql;
        }

        command.Transaction = Transaction;
        return command;
    }

    public void Return(DbCommand command)
    {
        command.Parameters.Clear();
        command.Transaction = null;
        if (command is not SqliteCommand prepared || _idle.Count >= MaxStatements || !_idle.TryAdd(command.CommandText, prepared))
        {
            command.Dispose();
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            foreach (var command in _idle.Values)
            {
                command.Dispose();
            }

            _idle.Clear();
        }

        base.Dispose(disposing);
    }
}

/// <summary>A connection that keeps prepared statements for the next time. Npgsql's do so on their own.</summary>
internal interface IStatementCache
{
    /// <summary>A command with this text and no parameters, for one use at a time.</summary>
    DbCommand Rent(string sql);

    void Return(DbCommand command);
}
