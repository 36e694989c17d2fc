using ControlPlane.Storage;

namespace ControlPlane.Connections;

/// <summary>
/// Stores the times of agents' connections, from which <see cref="ControlPlane.Agents.AgentStatus"/> computes their status.
/// </summary>
internal sealed class AgentConnectionStore(Database database, TimeProvider time)
{
    /// <summary>Stores that the agent has connected. All methods return 1, or 0 if the agent was deleted.</summary>
    public Task<int> ConnectedAsync(Guid agentId, CancellationToken cancellationToken) => ExecuteAsync(
        """
        UPDATE workspace_agents
        SET first_connected_at = coalesce(first_connected_at, @now), last_connected_at = @now, disconnected_at = NULL
        WHERE id = @id
        """,
        agentId,
        cancellationToken);

    /// <summary>Stores that the agent has answered a ping.</summary>
    public Task<int> SeenAsync(Guid agentId, CancellationToken cancellationToken) => ExecuteAsync(
        "UPDATE workspace_agents SET last_connected_at = @now, disconnected_at = NULL WHERE id = @id", agentId, cancellationToken);

    /// <summary>
    /// Stores that the agent's connection has ended. The stored time is always later than <c>last_connected_at</c>, even within one clock
    /// tick.
    /// </summary>
    public Task<int> DisconnectedAsync(Guid agentId, CancellationToken cancellationToken) => ExecuteAsync(
        """
        UPDATE workspace_agents
        SET disconnected_at = CASE WHEN last_connected_at >= @now THEN last_connected_at + 1 ELSE @now END
        WHERE id = @id
        """,
        agentId,
        cancellationToken);

    private Task<int> ExecuteAsync(string sql, Guid agentId, CancellationToken cancellationToken) => database.WriteAsync(
        connection => connection.Execute(sql, ("@id", agentId), ("@now", time.GetUtcNow())), cancellationToken);
}
