using ControlPlane.Storage;
using Tailnet.AgentMessages;
using Tailnet.Drpc;

namespace ControlPlane.AgentRpc;

/// <summary>
/// Keeps which state of its context an agent has told last: version, hash and error. The resources themselves have no reader in this server
/// and are not kept.
/// </summary>
internal sealed class ContextRpc(Database database, TimeProvider time)
{
    private const int MaxHashBytes = 64;
    private const int MaxErrorCharacters = 1024;

    /// <summary>An agent counts its states from its start, which it marks as initial: otherwise a state that is not newer is not accepted.</summary>
    public async ValueTask<PushContextStateResponse> PushAsync(Guid agent, PushContextStateRequest request, CancellationToken cancellationToken)
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
