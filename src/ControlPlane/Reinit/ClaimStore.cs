using System.Data.Common;
using ControlPlane.Http;
using ControlPlane.Storage;

namespace ControlPlane.Reinit;

/// <summary>Wakes agents that wait to be told to begin anew (by the workspace's id).</summary>
internal sealed class ReinitSignals(ChangeNotices notices) : Signals(notices, "claim");

/// <summary>Claims of workspaces, and which agents were told of them.</summary>
internal sealed class ClaimStore(Database database, ReinitSignals signals, TimeProvider time)
{
    /// <summary>The workspace waits for a user from now on, and its agents wait with it. False: there is no such workspace.</summary>
    public Task<bool> PrepareAsync(Guid workspaceId, CancellationToken cancellationToken) =>
        StoreAsync(workspaceId, ClaimState.Pending, cancellationToken);

    /// <summary>The workspace waits no longer, and its agents go on as they are. False: there is no such workspace.</summary>
    public Task<bool> FailAsync(Guid workspaceId, CancellationToken cancellationToken) =>
        StoreAsync(workspaceId, ClaimState.Failed, cancellationToken);

    /// <summary>
    /// Gives the workspace to a user, and tells each of its agents once to begin anew. It need not have waited for it. To the user
    /// that has it already, it is the way to make its agents begin anew.
    /// </summary>
    public async Task<ClaimResult> ClaimAsync(Guid workspaceId, Guid userId, CancellationToken cancellationToken)
    {
        var result = await database.WriteAsync(
            connection =>
            {
                if (connection.First("SELECT name FROM workspaces WHERE id = @id", static reader => reader.Text("name"), ("@id", workspaceId)) is not { } name)
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

    /// <summary>The workspace's newest claim; null for an ordinary workspace.</summary>
    public ValueTask<WorkspaceClaim?> FindAsync(Guid workspaceId) => database.ReadAsync(connection => connection.FirstAsync(
        "SELECT * FROM workspace_claims WHERE workspace_id = @id",
        static reader => new WorkspaceClaim(reader.Uuid("claim_id"), StateOf(reader.Text("state")), reader.Time("changed_at")),
        ("@id", workspaceId)));

    public async ValueTask<bool> WasToldAsync(Guid agentId, Guid claimId) => await database.ReadAsync(connection => connection.CountAsync(
        "SELECT count(*) FROM claim_deliveries WHERE agent_id = @agent AND claim_id = @claim", ("@agent", agentId), ("@claim", claimId))) > 0;

    public Task MarkToldAsync(Guid agentId, Guid claimId, CancellationToken cancellationToken) => database.WriteAsync(
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
        INSERT INTO workspace_claims (workspace_id, claim_id, state, changed_at) SELECT id, @claim, @state, @now FROM workspaces WHERE id = @workspace
        ON CONFLICT (workspace_id) DO UPDATE SET claim_id = excluded.claim_id, state = excluded.state, changed_at = excluded.changed_at
        """,
        ("@workspace", workspaceId),
        ("@claim", Secrets.NewUuid()),
        ("@state", NameOf(state)),
        ("@now", time.GetUtcNow()));
}
