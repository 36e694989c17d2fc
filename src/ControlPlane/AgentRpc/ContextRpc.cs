using ControlPlane.Storage;
using Tailnet.AgentMessages;
using Tailnet.Drpc;

namespace ControlPlane.AgentRpc;

/// <summary>
/// Stores the latest state of an agent's context: version, hash and error. The resources of the context are not stored, because nothing in
/// this server reads them.
/// </summary>
internal sealed class ContextRpc(Database database, TimeProvider time)
{
    private const int MaxHashBytes = 64;
    private const int MaxErrorCharacters = 1024;

    /// <summary>
    /// Stores a state if its version is newer. The versions restart with the agent, whose first state is marked as initial and always
    /// stored.
    /// </summary>
    public async ValueTask<PushContextStateResponse> PushAsync(
        Guid agent, PushContextStateRequest request, CancellationToken cancellationToken)
    {
        if (request.Version > long.MaxValue || request.AggregateHash.Length > MaxHashBytes)
        {
            throw new DrpcException(0, "invalid context state");
        }

        var error = StoredText.Sanitise(request.SnapshotError);
        var stored = await database.WriteAsync(
            connection => connection.Execute(
                """
                INSERT INTO agent_context_states (agent_id, version, aggregate_hash, snapshot_error, pushed_at)
                VALUES (@agent, @version, @hash, @error, @now)
                ON CONFLICT (agent_id) DO UPDATE SET
                    version = excluded.version,
                    aggregate_hash = excluded.aggregate_hash,
                    snapshot_error = excluded.snapshot_error,
                    pushed_at = excluded.pushed_at
                WHERE @initial = 1 OR agent_context_states.version < excluded.version
                """,
                ("@agent", agent),
                ("@version", (long)request.Version),
                ("@hash", request.AggregateHash.ToByteArray()),
                ("@error", error.Length <= MaxErrorCharacters ? error : error[..MaxErrorCharacters]),
                ("@now", time.GetUtcNow()),
                ("@initial", request.Initial ? 1L : 0L)),
            cancellationToken);
        return new PushContextStateResponse { Accepted = stored == 1 };
    }
}
