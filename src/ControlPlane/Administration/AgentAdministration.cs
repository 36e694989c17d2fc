using System.Data.Common;
using System.Text.Json;
using System.Text.RegularExpressions;
using ControlPlane.Access;
using ControlPlane.Agents;
using ControlPlane.Coordination;
using ControlPlane.Declarations;
using ControlPlane.Http;
using ControlPlane.Logs;
using ControlPlane.Reinit;
using ControlPlane.Storage;

namespace ControlPlane.Administration;

/// <summary>Creates, describes and deletes agents. An agent is referenced by id or as <c>user/workspace/agent</c>.</summary>
internal sealed partial class AgentAdministration(
    Database database,
    AgentStore store,
    DeclarationStore declarations,
    WorkspaceSignals signals,
    ReinitSignals reinit,
    LogSignals logs,
    AccessSignals access,
    ControlPlaneOptions options,
    TimeProvider time)
{
    private const int MaxTimeoutSeconds = 366 * 24 * 3600;

    public async Task<AgentList> ListAsync(string? workspace, Page page)
    {
        var (id, count) = await database.ReadAsync(async connection => workspace is null
            ? ((Guid?)null, await connection.CountAsync("SELECT count(*) FROM workspace_agents"))
            : await WorkspaceAdministration.RequireAsync(connection, workspace) is var found ? (found.Id, found.Agents) : default);
        return new AgentList((await store.ListAsync(id, page.Limit, page.Offset)).ConvertAll(Row), count);
    }

    public async Task<AgentDetails> GetAsync(string agent)
    {
        var found = await RequireAsync(agent);
        return new AgentDetails
        {
            Agent = Row(found),
            Architecture = found.Architecture,
            OperatingSystem = found.OperatingSystem,
            Directory = found.Directory,
            MotdFile = found.MotdFile,
            TroubleshootingUrl = found.TroubleshootingUrl,
            ConnectionTimeoutSeconds = found.ConnectionTimeoutSeconds,
            EnvironmentVariables = found.EnvironmentVariables,
            DisplayApps = found.DisplayApps,
            Declarations = DeclaredBodies.Write(await declarations.GetAsync(found.Id)),
        };
    }

    public async Task<NewAgentToken> CreateAsync(CreateAgent request, CancellationToken cancellationToken)
    {
        var name = Checks.Name("name", request.Name);
        var declared = DeclaredBodies.Read(
            new DeclarationsBody
            {
                Apps = request.Apps,
                Scripts = request.Scripts,
                Devcontainers = request.Devcontainers,
                Metadata = request.Metadata,
                Resources = request.Resources,
            },
            new AgentDeclarations());
        (string, object?)[] columns =
        [
            ("@name", name),
            ("@architecture", Checks.Text("architecture", request.Architecture)),
            ("@os", Checks.Text("operating_system", request.OperatingSystem)),
            ("@directory", Checks.Text("directory", request.Directory)),
            ("@motd", Checks.Text("motd_file", request.MotdFile)),
            ("@troubleshooting", Checks.Text("troubleshooting_url", request.TroubleshootingUrl)),
            ("@timeout", Checks.Between("connection_timeout_seconds", request.ConnectionTimeoutSeconds, 0, MaxTimeoutSeconds)),
            ("@environment", Environment(request.EnvironmentVariables)),
            ("@apps", Apps(request.DisplayApps)),
        ];
        var (id, token, owner) = (Secrets.NewUuid(), Secrets.NewUuid(), Guid.Empty);
        await database.WriteAsync(
            connection =>
            {
                var workspace = WorkspaceAdministration.Require(connection, request.Workspace);
                owner = workspace.OwnerId;
                if (connection.Count(
                    "SELECT count(*) FROM workspace_agents WHERE workspace_id = @workspace AND lower(name) = lower(@name)",
                    ("@workspace", workspace.Id),
                    ("@name", name)) > 0)
                {
                    throw RefusedException.Conflict($"The workspace has an agent \"{name}\" already.");
                }

                connection.Execute(
                    """
                    INSERT INTO workspace_agents (id, workspace_id, resource_id, hashed_auth_token, created_at, updated_at, name,
                        architecture, operating_system, directory, motd_file, troubleshooting_url, connection_timeout_seconds,
                        environment_variables, display_apps)
                    VALUES (@id, @workspace, @resource, @hash, @now, @now, @name,
                        @architecture, @os, @directory, @motd, @troubleshooting, @timeout,
                        @environment, @apps)
                    """,
                    [
                        ("@id", id),
                        ("@workspace", workspace.Id),
                        ("@resource", Secrets.NewUuid()),
                        ("@hash", Secrets.Hash(token)),
                        ("@now", time.GetUtcNow()),
                        .. columns,
                    ]);
                Write(connection, id, declared);
                return id;
            },
            cancellationToken);
        signals.Pulse(owner);
        return new NewAgentToken(id, token.ToString("D"));
    }

    /// <summary>
    /// Replaces the agent's apps, scripts, development containers, metadata and monitored resources. The agent reads them when it next
    /// connects.
    /// </summary>
    public async Task<AgentDetails> DeclareAsync(string agent, DeclarationsBody request, CancellationToken cancellationToken)
    {
        var found = await RequireAsync(agent);
        await database.WriteAsync(
            connection =>
            {
                Write(connection, found.Id, DeclaredBodies.Read(request, DeclarationStore.Read(connection, found.Id)));
                return connection.Execute(
                    "UPDATE workspace_agents SET updated_at = @now WHERE id = @id", ("@now", time.GetUtcNow()), ("@id", found.Id));
            },
            cancellationToken);
        signals.Pulse(found.OwnerId);
        return await GetAsync(found.Id.ToString());
    }

    /// <summary>
    /// Replaces the agent's token, and deletes the tokens issued for its instance's identity. Connections with the old tokens are closed.
    /// </summary>
    public async Task<NewAgentToken> RotateTokenAsync(string agent, CancellationToken cancellationToken)
    {
        var (found, token) = (await RequireAsync(agent), Secrets.NewUuid());
        await database.WriteAsync(
            connection =>
            {
                connection.Execute("DELETE FROM instance_tokens WHERE agent_id = @id", ("@id", found.Id));
                return connection.Execute(
                    "UPDATE workspace_agents SET hashed_auth_token = @hash, updated_at = @now WHERE id = @id",
                    ("@hash", Secrets.Hash(token)),
                    ("@now", time.GetUtcNow()),
                    ("@id", found.Id));
            },
            cancellationToken);
        access.Changed();
        return new NewAgentToken(found.Id, token.ToString("D"));
    }

    /// <summary>Deletes the agent and its sub-agents, and closes their connections.</summary>
    public async Task DeleteAsync(string agent, CancellationToken cancellationToken)
    {
        var found = await RequireAsync(agent);
        var removed = await database.WriteAsync(
            connection =>
            {
                var children = connection.List(
                    "SELECT id FROM workspace_agents WHERE parent_id = @id", static reader => reader.Uuid("id"), ("@id", found.Id));
                connection.Execute("DELETE FROM workspace_agents WHERE id = @id", ("@id", found.Id));
                return (List<Guid>)[found.Id, .. children];
            },
            cancellationToken);
        signals.Pulse(found.OwnerId);
        reinit.Pulse(found.WorkspaceId);
        removed.ForEach(logs.Pulse);

        access.Changed();
    }

    public async Task<Agent> RequireAsync(string agent)
    {
        if (GoUuid.TryParse(agent, out var id))
        {
            return await store.FindAsync(id) ?? throw RefusedException.NotFound("agent");
        }

        return agent.Split('/') is [var owner, var workspace, var name]
            && await database.ReadAsync(connection => FindAsync(connection, $"{owner}/{workspace}", name)) is { } known
            && await store.FindAsync(Guid.Parse(known)) is { } found
            ? found
            : throw RefusedException.NotFound("agent");
    }

    private static async ValueTask<string?> FindAsync(DbConnection connection, string workspace, string name)
    {
        var workspaceId = (await WorkspaceAdministration.RequireAsync(connection, workspace)).Id;
        return await connection.FirstAsync(
            "SELECT id FROM workspace_agents WHERE workspace_id = @workspace AND lower(name) = lower(@name)",
            static reader => reader.Text("id"),
            ("@workspace", workspaceId),
            ("@name", UserAdministration.WithoutNul(name)));
    }

    private static void Write(DbConnection connection, Guid agentId, AgentDeclarations declarations)
    {
        // The primary keys of the tables refuse these ids too, but as a database error that names no field.
        RefuseIdsOfOthers(connection, "agent_apps", "apps", agentId, declarations.Apps.Select(static app => app.Id));
        RefuseIdsOfOthers(connection, "agent_scripts", "scripts", agentId, declarations.Scripts.Select(static script => script.Id));
        RefuseIdsOfOthers(
            connection,
            "agent_devcontainers",
            "devcontainers",
            agentId,
            declarations.Devcontainers.Select(static container => container.Id));
        DeclarationWriter.Write(connection, agentId, declarations);
    }

    private static void RefuseIdsOfOthers(DbConnection connection, string table, string field, Guid agentId, IEnumerable<Guid> ids)
    {
        foreach (var id in ids)
        {
            var others = connection.Count(
                $"SELECT count(*) FROM {table} WHERE id = @id AND agent_id <> @agent", ("@id", id), ("@agent", agentId));
            if (others > 0)
            {
                throw RefusedException.Invalid(field + ".id", $"{id} belongs to another agent");
            }
        }
    }

    private static string Environment(Dictionary<string, string> variables)
    {
        const string Field = "environment_variables";
        if (variables.Count > Checks.MaxEntries || variables.Keys.Any(static name => !VariablePattern().IsMatch(name)))
        {
            throw RefusedException.Invalid(
                Field, $"must have at most {Checks.MaxEntries} entries, whose names are letters, digits and underscores");
        }

        foreach (var value in variables.Values)
        {
            Checks.Text(Field, value, Checks.MaxScript);
        }

        return JsonSerializer.Serialize(variables, ApiJson.Wire.DictionaryStringString);
    }

    private static string Apps(List<string> apps)
    {
        const string Field = "display_apps";
        foreach (var app in Checks.Entries(Field, apps))
        {
            Checks.OneOf(Field, app, BuiltInApps.All);
        }

        return JsonSerializer.Serialize([.. apps.Distinct()], ApiJson.Wire.StringArray);
    }

    [GeneratedRegex(@"\A[a-zA-Z_][a-zA-Z0-9_]{0,255}\z", RegexOptions.CultureInvariant)]
    private static partial Regex VariablePattern();

    private AgentRow Row(Agent agent) => new()
    {
        Id = agent.Id,
        Owner = agent.OwnerName,
        Workspace = agent.WorkspaceName,
        WorkspaceId = agent.WorkspaceId,
        Name = agent.Name,
        ParentId = agent.ParentId,
        Status = AgentStatus.Of(agent, time.GetUtcNow(), options.AgentInactiveTimeout),
        LifecycleState = agent.LifecycleState,
        Version = agent.Version,
        InstanceId = agent.InstanceId,
        CreatedAt = agent.CreatedAt,
        LastConnectedAt = agent.LastConnectedAt,
    };
}
