using System.Data.Common;
using ControlPlane.Http;
using ControlPlane.Storage;

namespace ControlPlane.Reinit;

/// <summary>Wakes the event streams of agents, by the workspace's id, when the workspace's claim has changed.</summary>
internal sealed class ReinitSignals(ChangeNotices notices) : Signals(notices, "claim");

/// <summary>Stores the claims of workspaces, and which agents have got their event.</summary>
internal sealed class ClaimStore(Database database, ReinitSignals signals, TimeProvider time)
{
    /// <summary>Marks the workspace as waiting for a claim. False when the workspace does not exist.</summary>
    public Task<bool> PrepareAsync(Guid workspaceId, CancellationToken cancellationToken) =>
        StoreAsync(workspaceId, ClaimState.Pending, cancellationToken);

    /// <summary>Ends the wait for a claim. The agents keep their state. False when the workspace does not exist.</summary>
    public Task<bool> FailAsync(Guid workspaceId, CancellationToken cancellationToken) =>
        StoreAsync(workspaceId, ClaimState.Failed, cancellationToken);

    /// <summary>
    /// Gives the workspace to a user, and makes each of its agents reinitialize once. The workspace need not be waiting for a claim. A
    /// claim by its owner is allowed, and makes the agents reinitialize too.
    /// </summary>
    public async Task<ClaimResult> ClaimAsync(Guid workspaceId, Guid userId, CancellationToken cancellationToken)
    {
        var result = await database.WriteAsync(
            connection =>
            {
                var name = connection.First(
                    "SELECT name FROM workspaces WHERE id = @id", static reader => reader.Text("name"), ("@id", workspaceId));
                if (name is null)
                {
                    return ClaimResult.NoSuchWorkspace;
                }

                if (connection.Count("SELECT count(*) FROM users WHERE id = @id", ("@id", userId)) == 0)
                {
                    return ClaimResult.NoSuchUser;
                }

                if (connection.Count(
                    "SELECT count(*) FROM workspaces WHERE owner_id = @user AND name = @name AND id <> @id",
                    ("@user", userId),
                    ("@name", name),
                    ("@id", workspaceId)) > 0)
                {
                    return ClaimResult.NameTaken;
                }

                connection.Execute(
                    "UPDATE workspaces SET owner_id = @user, updated_at = @now WHERE id = @id",
                    ("@user", userId),
                    ("@now", time.GetUtcNow()),
                    ("@id", workspaceId));
                Store(connection, workspaceId, ClaimState.Claimed);
                return ClaimResult.Claimed;
            },
            cancellationToken);
        signals.Pulse(workspaceId);
        return result;
    }

    /// <summary>The workspace's newest claim. Null for a workspace that was never prepared or claimed.</summary>
    public ValueTask<WorkspaceClaim?> FindAsync(Guid workspaceId) => database.ReadAsync(connection => connection.FirstAsync(
        "SELECT * FROM workspace_claims WHERE workspace_id = @id",
        static reader => new WorkspaceClaim(reader.Uuid("claim_id"), StateOf(reader.Text("state")), reader.Time("changed_at")),
        ("@id", workspaceId)));

    public async ValueTask<bool> WasDeliveredAsync(Guid agentId, Guid claimId) =>
        await database.ReadAsync(connection => connection.CountAsync(
            "SELECT count(*) FROM claim_deliveries WHERE agent_id = @agent AND claim_id = @claim",
            ("@agent", agentId),
            ("@claim", claimId))) > 0;

    public Task MarkDeliveredAsync(Guid agentId, Guid claimId, CancellationToken cancellationToken) => database.WriteAsync(
        connection => connection.Execute(
            """
            INSERT INTO claim_deliveries (agent_id, claim_id) SELECT id, @claim FROM workspace_agents WHERE id = @agent
            ON CONFLICT (agent_id) DO UPDATE SET claim_id = excluded.claim_id
            """,
            ("@agent", agentId),
            ("@claim", claimId)),
        cancellationToken);

    private static string NameOf(ClaimState state) => state switch
    {
        ClaimState.Pending => "pending",
        ClaimState.Claimed => "claimed",
        _ => "failed",
    };

    private static ClaimState StateOf(string name) => name switch
    {
        "pending" => ClaimState.Pending,
        "claimed" => ClaimState.Claimed,
        _ => ClaimState.Failed,
    };

    private async Task<bool> StoreAsync(Guid workspaceId, ClaimState state, CancellationToken cancellationToken)
    {
        var stored = await database.WriteAsync(connection => Store(connection, workspaceId, state), cancellationToken);
        signals.Pulse(workspaceId);
        return stored == 1;
    }

    private int Store(DbConnection connection, Guid workspaceId, ClaimState state) => connection.Execute(
        """
        INSERT INTO workspace_claims (workspace_id, claim_id, state, changed_at)
        SELECT id, @claim, @state, @now FROM workspaces WHERE id = @workspace
        ON CONFLICT (workspace_id) DO UPDATE SET claim_id = excluded.claim_id, state = excluded.state, changed_at = excluded.changed_at
        """,
        ("@workspace", workspaceId),
        ("@claim", Secrets.NewUuid()),
        ("@state", NameOf(state)),
        ("@now", time.GetUtcNow()));
}
