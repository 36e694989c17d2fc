using System.Data.Common;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using ControlPlane.Access;
using ControlPlane.Http;
using ControlPlane.Storage;

namespace ControlPlane.Agents;

/// <summary>Reads workspace agents by token or by id, through caches.</summary>
internal sealed class AgentStore(Database database, AccessSignals access, TimeProvider time)
{
    private const string Select = """
        SELECT agents.*, workspaces.owner_id, workspaces.name AS workspace_name, users.username AS owner_name,
            (SELECT created_at FROM deployment) AS deployed_at
        FROM workspace_agents agents JOIN workspaces ON workspaces.id = agents.workspace_id JOIN users ON users.id = workspaces.owner_id

        """;

    // An entry takes about 150 bytes.
    private const int MaxCachedTokens = 16_384;

    private readonly ReadThroughCache<Guid, Agent> _agents = new(
        database,
        time,
        static (connection, id) => connection.FirstAsync(Select + "WHERE agents.id = @id", ReadAgent, ("@id", id)),
        database.Engine.DataVersion);

    // The keys are the tokens themselves, which saves the hash of each request's token. That reveals nothing more: the next request has the
    // token in clear, in the same memory. Only valid tokens, which this server generated, get in: an attacker can neither fill the cache
    // nor cause hash collisions.
    private readonly ReadThroughCache<Guid, Reporter> _reporters = new(
        database,
        time,
        static (connection, token) => connection.FirstAsync(
            """
            SELECT id FROM workspace_agents WHERE hashed_auth_token = @hash
            UNION ALL SELECT agent_id FROM instance_tokens WHERE hashed_token = @hash
            """,
            static reader => new Reporter(reader.Uuid("id")),
            ("@hash", Secrets.Hash(token))),
        () => access.Version,
        MaxCachedTokens);

    /// <summary>The agent of a token: the agent's own token, or one issued for its instance's identity.</summary>
    public async ValueTask<Agent?> FindByTokenAsync(Guid token) =>
        await FindReporterAsync(token) is { } reporter ? await FindAsync(reporter.Id) : null;

    /// <summary>
    /// The id of a token's agent. A token that another process revokes without a notice may still be found for
    /// <see cref="ReadThroughCache{TKey, TValue}.MaxAge"/>.
    /// </summary>
    public ValueTask<Reporter?> FindReporterAsync(Guid token) => _reporters.GetAsync(token);

    /// <summary>The agent, if it is in a workspace of this user.</summary>
    public async ValueTask<Agent?> FindOwnedAsync(Guid id, Guid ownerId) =>
        await FindAsync(id) is { } agent && agent.OwnerId == ownerId ? agent : null;

    /// <summary>The agent of any owner.</summary>
    public ValueTask<Agent?> FindAsync(Guid id) => _agents.GetAsync(id);

    /// <summary>All agents, or those of one workspace, ordered by owner, workspace and name.</summary>
    public ValueTask<List<Agent>> ListAsync(Guid? workspaceId, int limit, int offset)
    {
        const string Order = """
             ORDER BY lower(users.username), lower(workspaces.name), lower(agents.name), agents.id
            LIMIT @limit OFFSET @offset
            """;
        return database.ReadAsync(connection => workspaceId is { } workspace
            ? connection.ListAsync(
                Select + "WHERE agents.workspace_id = @workspace" + Order,
                ReadAgent,
                ("@workspace", workspace),
                ("@limit", limit),
                ("@offset", offset))
            : connection.ListAsync(Select + Order, ReadAgent, ("@limit", limit), ("@offset", offset)));
    }

    public async ValueTask<bool> ExistsAsync(Guid id) => await database.ReadAsync(connection =>
        connection.CountAsync("SELECT count(*) FROM workspace_agents WHERE id = @id", ("@id", id))) == 1;

    private static Agent ReadAgent(DbDataReader reader) => new()
    {
        Id = reader.Uuid("id"),
        OwnerId = reader.Uuid("owner_id"),
        OwnerName = reader.Text("owner_name"),
        WorkspaceId = reader.Uuid("workspace_id"),
        WorkspaceName = reader.Text("workspace_name"),
        ParentId = reader.UuidOrNull("parent_id"),
        ResourceId = reader.Uuid("resource_id"),
        Name = reader.Text("name"),
        CreatedAt = reader.Time("created_at"),
        UpdatedAt = reader.Time("updated_at"),
        FirstConnectedAt = reader.TimeOrNull("first_connected_at"),
        LastConnectedAt = reader.TimeOrNull("last_connected_at"),
        DisconnectedAt = reader.TimeOrNull("disconnected_at"),
        StartedAt = reader.TimeOrNull("started_at"),
        ReadyAt = reader.TimeOrNull("ready_at"),
        LifecycleState = reader.Text("lifecycle_state"),
        InstanceId = reader.TextOrNull("instance_id"),
        Architecture = reader.Text("architecture"),
        OperatingSystem = reader.Text("operating_system"),
        EnvironmentVariables = Json(reader, "environment_variables", ApiJson.Wire.DictionaryStringString),
        Directory = reader.Text("directory"),
        ExpandedDirectory = reader.Text("expanded_directory"),
        MotdFile = reader.Text("motd_file"),
        Version = reader.Text("version"),
        ApiVersion = reader.Text("api_version"),
        Subsystems = Json(reader, "subsystems", ApiJson.Wire.StringArray),
        DisplayApps = Json(reader, "display_apps", ApiJson.Wire.StringArray),
        StartupScriptBehavior = reader.Text("startup_script_behavior"),
        ConnectionTimeoutSeconds = (int)reader.Integer("connection_timeout_seconds"),
        TroubleshootingUrl = reader.Text("troubleshooting_url"),
        LogsLength = (int)Math.Min(reader.Integer("logs_length"), int.MaxValue),
        LogsOverflowed = reader.Integer("logs_overflowed") != 0,
        IsOfFirstStart = reader.Time("created_at") == reader.TimeOrNull("deployed_at"),
    };

    private static T Json<T>(DbDataReader reader, string column, JsonTypeInfo<T> type) =>
        JsonSerializer.Deserialize(reader.Text(column), type)!;
}

/// <summary>The agent of a report. A class, because the cache holds references.</summary>
internal sealed record Reporter(Guid Id);
