using System.Data.Common;
using Microsoft.Data.Sqlite;

namespace ControlPlane.Storage;

/// <summary>
/// A connection with a cache of prepared statements: the preparation of a statement takes longer than most statements run.
/// </summary>
internal sealed class SqliteSession(string connectionString) : SqliteConnection(connectionString), IStatementCache
{
    // The program has fewer statements. All are constants: none contains text from clients.
    private const int MaxStatements = 128;

    private readonly Dictionary<string, SqliteCommand> _idle = [];

    /// <summary>
    /// The engine's generation at the opening. A connection of an older generation is not pooled again: see
    /// <see cref="SqliteEngine.CloseIdleConnections"/>.
    /// </summary>
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

/// <summary>A connection with a cache of prepared statements. Npgsql's connections have a cache of their own.</summary>
internal interface IStatementCache
{
    /// <summary>A command with this text and without parameters. The caller has it alone until <see cref="Return"/>.</summary>
    DbCommand Rent(string sql);

    void Return(DbCommand command);
}
