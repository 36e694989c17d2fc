using System.Data.Common;
using ControlPlane.Storage;

namespace ControlPlane.Logs;

/// <summary>Stores the log sources of agents.</summary>
internal sealed class LogSourceStore(Database database, ControlPlaneOptions options)
{
    public ValueTask<List<LogSource>> OfAsync(Guid agentId) => database.ReadAsync(connection => ReadAsync(connection, agentId));

    /// <summary>As <see cref="OfAsync"/>, on the caller's connection.</summary>
    public static ValueTask<List<LogSource>> ReadAsync(DbConnection connection, Guid agentId) => connection.ListAsync(
        "SELECT * FROM agent_log_sources WHERE agent_id = @agent ORDER BY created_at, id", Read, ("@agent", agentId));

    /// <summary>
    /// Stores a source, or returns the agent's stored source with the same id. Null when the agent has
    /// <see cref="ControlPlaneOptions.MaxLogSourcesPerAgent"/>.
    /// </summary>
    public Task<LogSource?> AddAsync(LogSource source, CancellationToken cancellationToken) => database.WriteAsync(
        connection =>
        {
            var stored = Find(connection, source.WorkspaceAgentId, source.Id);
            if (stored is not null || Count(connection, source.WorkspaceAgentId) >= options.MaxLogSourcesPerAgent)
            {
                return stored;
            }

            Insert(connection, source);
            return Find(connection, source.WorkspaceAgentId, source.Id);
        },
        cancellationToken);

    /// <summary>Stores a source inside the caller's transaction, unless the agent has one with its id.</summary>
    public static void Insert(DbConnection connection, LogSource source) => connection.Execute(
        """
        INSERT INTO agent_log_sources (agent_id, id, created_at, display_name, icon)
        VALUES (@agent, @id, @now, @name, @icon) ON CONFLICT DO NOTHING
        """,
        ("@agent", source.WorkspaceAgentId),
        ("@id", source.Id),
        ("@now", source.CreatedAt),
        ("@name", source.DisplayName),
        ("@icon", source.Icon));

    private static long Count(DbConnection connection, Guid agentId) =>
        connection.Count("SELECT count(*) FROM agent_log_sources WHERE agent_id = @agent", ("@agent", agentId));

    private static LogSource? Find(DbConnection connection, Guid agentId, Guid id) => connection.First(
        "SELECT * FROM agent_log_sources WHERE agent_id = @agent AND id = @id", Read, ("@agent", agentId), ("@id", id));

    private static LogSource Read(DbDataReader reader) => new(
        reader.Uuid("agent_id"), reader.Uuid("id"), reader.Time("created_at"), reader.Text("display_name"), reader.Text("icon"));
}
