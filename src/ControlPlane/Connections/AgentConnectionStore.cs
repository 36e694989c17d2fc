using ControlPlane.Storage;

namespace ControlPlane.Connections;

/// <summary>When agents were connected, from which their status follows.</summary>
internal sealed class AgentConnectionStore(Database database, TimeProvider time)
{
    /// <summary>The agent has connected now.</summary>
    public Task<int> ConnectedAsync(Guid agentId, CancellationToken cancellationToken) => ExecuteAsync(
        """
        UPDATE workspace_agents
        SET first_connected_at = coalesce(first_connected_at, @now), last_connected_at = @now, disconnected_at = NULL
        WHERE id = @id
        """,
        agentId,
        cancellationToken);

    /// <summary>The agent has given a sign of life. 0 when it is no longer stored, else 1; also of the others.</summary>
    public Task<int> AliveAsync(Guid agentId, CancellationToken cancellationToken) => ExecuteAsync(
        "UPDATE workspace_agents SET last_connected_at = @now, disconnected_at = NULL WHERE id = @id", agentId, cancellationToken);

    /// <summary>The agent's connection is over. The time is stored as later than the last sign of life, also within one tick of the clock.</summary>
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
