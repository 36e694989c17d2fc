using System.Data.Common;
using ControlPlane.Access;
using ControlPlane.Coordination;
using ControlPlane.Http;
using ControlPlane.Reinit;
using ControlPlane.Storage;

namespace ControlPlane.Administration;

/// <summary>
/// Creates, renames, transfers and deletes workspaces. A workspace is referenced by id or as <c>user/workspace</c>.
/// </summary>
internal sealed class WorkspaceAdministration(
    Database database,
    ClaimStore claims,
    WorkspaceSignals signals,
    ReinitSignals reinit,
    AccessSignals access,
    TimeProvider time)
{
    private const string Select = """
        SELECT workspaces.id, workspaces.name, workspaces.owner_id, workspaces.created_at, users.username AS owner_name, claims.state,
            (SELECT count(*) FROM workspace_agents agents WHERE agents.workspace_id = workspaces.id) AS agents
        FROM workspaces JOIN users ON users.id = workspaces.owner_id
            LEFT JOIN workspace_claims claims ON claims.workspace_id = workspaces.id

        """;

    public ValueTask<WorkspaceList> ListAsync(string? owner, Page page) => database.ReadAsync(async connection =>
    {
        const string Order = "ORDER BY lower(users.username), lower(workspaces.name) LIMIT @limit OFFSET @offset";
        if (owner is null)
        {
            return new WorkspaceList(
                await connection.ListAsync(Select + Order, Read, ("@limit", page.Limit), ("@offset", page.Offset)),
                await connection.CountAsync("SELECT count(*) FROM workspaces"));
        }

        var id = (await UserAdministration.RequireAsync(connection, owner)).Id;
        return new WorkspaceList(
            await connection.ListAsync(
                Select + "WHERE workspaces.owner_id = @owner " + Order,
                Read,
                ("@owner", id),
                ("@limit", page.Limit),
                ("@offset", page.Offset)),
            await connection.CountAsync("SELECT count(*) FROM workspaces WHERE owner_id = @owner", ("@owner", id)));
    });

    public ValueTask<WorkspaceRow> GetAsync(string workspace) => database.ReadAsync(connection => RequireAsync(connection, workspace));

    public async Task<WorkspaceRow> CreateAsync(CreateWorkspace request, CancellationToken cancellationToken)
    {
        var name = Checks.Name("name", request.Name);
        var made = await database.WriteAsync(
            connection =>
            {
                var owner = UserAdministration.Require(connection, request.Owner);
                RequireFree(connection, owner.Id, name);
                var id = Secrets.NewUuid();
                connection.Execute(
                    """
                    INSERT INTO workspaces (id, owner_id, organization_id, name, created_at, updated_at)
                    SELECT @id, @owner, organizations.id, @name, @now, @now FROM organizations WHERE organizations.name = @organization
                    """,
                    ("@id", id),
                    ("@owner", owner.Id),
                    ("@name", name),
                    ("@now", time.GetUtcNow()),
                    ("@organization", Bootstrap.OrganizationName));
                return Require(connection, id.ToString());
            },
            cancellationToken);
        signals.Pulse(made.OwnerId);
        return made;
    }

    public async Task<WorkspaceRow> RenameAsync(string workspace, RenameWorkspace request, CancellationToken cancellationToken)
    {
        var name = Checks.Name("name", request.Name);
        var changed = await database.WriteAsync(
            connection =>
            {
                var old = Require(connection, workspace);
                if (!old.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
                {
                    RequireFree(connection, old.OwnerId, name);
                }

                connection.Execute(
                    "UPDATE workspaces SET name = @name, updated_at = @now WHERE id = @id",
                    ("@name", name),
                    ("@now", time.GetUtcNow()),
                    ("@id", old.Id));
                return old with { Name = name };
            },
            cancellationToken);
        signals.Pulse(changed.OwnerId);
        return changed;
    }

    /// <summary>Deletes the workspace with its agents, and closes their connections.</summary>
    public async Task DeleteAsync(string workspace, CancellationToken cancellationToken)
    {
        var removed = await database.WriteAsync(
            connection =>
            {
                var found = Require(connection, workspace);
                connection.Execute("DELETE FROM workspaces WHERE id = @id", ("@id", found.Id));
                return found;
            },
            cancellationToken);
        signals.Pulse(removed.OwnerId);
        reinit.Pulse(removed.Id);
        access.Changed();
    }

    /// <summary>Marks the workspace as prepared for a later claim: its agents wait for a reinit event.</summary>
    public async Task<WorkspaceRow> PrepareAsync(string workspace, CancellationToken cancellationToken)
    {
        await claims.PrepareAsync((await GetAsync(workspace)).Id, cancellationToken);
        return await GetAsync(workspace);
    }

    /// <summary>Marks the claim as failed: the agents stop waiting and stay as they are.</summary>
    public async Task<WorkspaceRow> UnprepareAsync(string workspace, CancellationToken cancellationToken)
    {
        await claims.FailAsync((await GetAsync(workspace)).Id, cancellationToken);
        return await GetAsync(workspace);
    }

    /// <summary>Transfers the workspace to another owner if the request names one, and sends its agents a reinit event.</summary>
    public async Task<WorkspaceRow> ReinitAsync(string workspace, ReinitWorkspace request, CancellationToken cancellationToken)
    {
        var (old, owner) = await database.ReadAsync(async connection =>
        {
            var found = await RequireAsync(connection, workspace);
            return (found, request.Owner is null ? found.OwnerId : (await UserAdministration.RequireAsync(connection, request.Owner)).Id);
        });
        switch (await claims.ClaimAsync(old.Id, owner, cancellationToken))
        {
            case ClaimResult.NoSuchWorkspace:
                throw RefusedException.NotFound("workspace");
            case ClaimResult.NoSuchUser:
                throw RefusedException.NotFound("user");
            case ClaimResult.NameTaken:
                throw RefusedException.Conflict($"The user has another workspace \"{old.Name}\".", "Rename one of them first.");
        }

        signals.Pulse(old.OwnerId);
        signals.Pulse(owner);
        access.Changed();
        return await GetAsync(old.Id.ToString());
    }

    /// <summary>Returns the workspace, inside a write transaction.</summary>
    public static WorkspaceRow Require(DbConnection connection, string workspace)
    {
        var (sql, key) = Query(workspace);
        return connection.First(sql, Read, key) ?? throw RefusedException.NotFound("workspace");
    }

    /// <summary>Returns the workspace, inside a read.</summary>
    public static async ValueTask<WorkspaceRow> RequireAsync(DbConnection connection, string workspace)
    {
        var (sql, key) = Query(workspace);
        return await connection.FirstAsync(sql, Read, key) ?? throw RefusedException.NotFound("workspace");
    }

    private static (string Sql, (string Name, object? Value)[] Key) Query(string workspace) =>
        GoUuid.TryParse(workspace, out var id) ? (Select + "WHERE workspaces.id = @id", [("@id", id)])
        : workspace.Split('/') is [var owner, var name] ? (
            Select + "WHERE lower(users.username) = lower(@owner) AND lower(workspaces.name) = lower(@name)",
            [("@owner", UserAdministration.WithoutNul(owner)), ("@name", UserAdministration.WithoutNul(name))])
        : throw RefusedException.NotFound("workspace");

    private static void RequireFree(DbConnection connection, Guid owner, string name)
    {
        if (connection.Count(
            "SELECT count(*) FROM workspaces WHERE owner_id = @owner AND lower(name) = lower(@name)",
            ("@owner", owner),
            ("@name", name)) > 0)
        {
            throw RefusedException.Conflict($"The user has a workspace \"{name}\" already.");
        }
    }

    private static WorkspaceRow Read(DbDataReader reader) => new(
        reader.Uuid("id"),
        reader.Text("owner_name"),
        reader.Uuid("owner_id"),
        reader.Text("name"),
        reader.Integer("agents"),
        reader.TextOrNull("state"),
        reader.Time("created_at"));
}
