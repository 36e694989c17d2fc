using System.Data.Common;
using ControlPlane.Storage;

namespace ControlPlane.Declarations;

/// <summary>Stores the declarations of agents: apps, scripts, development containers, metadata and resource monitors.</summary>
internal sealed class DeclarationStore(Database database)
{
    private const string Apps = "SELECT * FROM agent_apps WHERE agent_id = @agent ORDER BY position";
    private const string Statuses = """
        SELECT statuses.* FROM agent_app_statuses statuses JOIN agent_apps apps ON apps.id = statuses.app_id
        WHERE apps.agent_id = @agent ORDER BY statuses.sequence DESC
        """;

    private const string Scripts = """
        SELECT scripts.*, runs.stage, runs.started_at, runs.ended_at, runs.exit_code, runs.status
        FROM agent_scripts scripts LEFT JOIN agent_script_runs runs ON runs.script_id = scripts.id AND runs.stage = 'start'
        WHERE scripts.agent_id = @agent ORDER BY scripts.position
        """;

    private const string Devcontainers = "SELECT * FROM agent_devcontainers WHERE agent_id = @agent ORDER BY position";
    private const string Metadata = "SELECT * FROM agent_metadata_descriptions WHERE agent_id = @agent ORDER BY position";
    private const string Monitors = "SELECT path, enabled, threshold FROM agent_resource_monitors WHERE agent_id = @agent ORDER BY path";

    public ValueTask<AgentDeclarations> GetAsync(Guid agentId) => database.ReadAsync(async connection => new AgentDeclarations
    {
        Apps = await ReadAppsAsync(connection, agentId),
        Scripts = await ReadScriptsAsync(connection, agentId),
        Devcontainers = await connection.ListAsync(Devcontainers, ReadDevcontainer, ("@agent", agentId)),
        Metadata = await connection.ListAsync(Metadata, ReadMetadata, ("@agent", agentId)),
        Monitors = await connection.ListAsync(Monitors, ReadMonitor, ("@agent", agentId)),
    });

    /// <summary>The same as <see cref="GetAsync"/>, inside a write transaction.</summary>
    public static AgentDeclarations Read(DbConnection connection, Guid agentId) => new()
    {
        Apps = WithStatuses(
            connection.List(Apps, ReadApp, ("@agent", agentId)),
            connection.List(Statuses, ReadStatus, ("@agent", agentId))),
        Scripts = connection.List(Scripts, ReadScript, ("@agent", agentId)),
        Devcontainers = connection.List(Devcontainers, ReadDevcontainer, ("@agent", agentId)),
        Metadata = connection.List(Metadata, ReadMetadata, ("@agent", agentId)),
        Monitors = connection.List(Monitors, ReadMonitor, ("@agent", agentId)),
    };

    /// <summary>
    /// Replaces the agent's declarations. An app or script that keeps its id keeps its reports: health, statuses and runs.
    /// </summary>
    /// <returns>False if the agent does not exist.</returns>
    /// <exception cref="DbException">An id belongs to another agent, two apps have the same slug, or a value is not allowed.</exception>
    public Task<bool> ReplaceAsync(Guid agentId, AgentDeclarations declarations, CancellationToken cancellationToken) =>
        database.WriteAsync(
            connection =>
            {
                if (connection.Count("SELECT count(*) FROM workspace_agents WHERE id = @agent", ("@agent", agentId)) == 0)
                {
                    return false;
                }

                DeclarationWriter.Write(connection, agentId, declarations);
                return true;
            },
            cancellationToken);

    public static async ValueTask<List<AgentApp>> ReadAppsAsync(DbConnection connection, Guid agentId)
    {
        var apps = await connection.ListAsync(Apps, ReadApp, ("@agent", agentId));
        return apps.Count == 0 ? apps : WithStatuses(apps, await connection.ListAsync(Statuses, ReadStatus, ("@agent", agentId)));
    }

    public static ValueTask<List<AgentScript>> ReadScriptsAsync(DbConnection connection, Guid agentId) =>
        connection.ListAsync(Scripts, ReadScript, ("@agent", agentId));

    private static List<AgentApp> WithStatuses(List<AgentApp> apps, List<(Guid App, AgentAppStatus Status)> statuses)
    {
        var byApp = statuses.ToLookup(static row => row.App, static row => row.Status);
        return apps.ConvertAll(app => app with { Statuses = [.. byApp[app.Id]] });
    }

    private static (Guid App, AgentAppStatus Status) ReadStatus(DbDataReader reader) => (
        reader.Uuid("app_id"),
        new AgentAppStatus(reader.Uuid("id"), reader.Time("created_at"), reader.Text("state"), reader.Text("message"), reader.Text("uri")));

    private static AgentDevcontainer ReadDevcontainer(DbDataReader reader) => new(
        reader.Uuid("id"),
        reader.Text("name"),
        reader.Text("workspace_folder"),
        reader.Text("config_path"),
        reader.UuidOrNull("subagent_id"));

    private static MetadataDescription ReadMetadata(DbDataReader reader) => new(
        reader.Text("key"), reader.Text("display_name"), reader.Text("script"), reader.Integer("run_interval"), reader.Integer("timeout"));

    private static DeclaredMonitor ReadMonitor(DbDataReader reader) =>
        new(reader.Text("path"), reader.Flag("enabled"), (int)reader.Integer("threshold"));

    private static AgentApp ReadApp(DbDataReader reader) => new()
    {
        Id = reader.Uuid("id"),
        Slug = reader.Text("slug"),
        DisplayName = reader.Text("display_name"),
        Url = reader.Text("url"),
        External = reader.Flag("is_external"),
        Command = reader.Text("command"),
        Icon = reader.Text("icon"),
        Subdomain = reader.Flag("subdomain"),
        SharingLevel = reader.Text("sharing_level"),
        HealthcheckUrl = reader.Text("healthcheck_url"),
        HealthcheckInterval = (int)reader.Integer("healthcheck_interval"),
        HealthcheckThreshold = (int)reader.Integer("healthcheck_threshold"),
        Health = reader.Text("health"),
        Group = reader.Text("app_group"),
        Hidden = reader.Flag("hidden"),
        OpenIn = reader.Text("open_in"),
        Tooltip = reader.Text("tooltip"),
    };

    private static AgentScript ReadScript(DbDataReader reader) => new()
    {
        Id = reader.Uuid("id"),
        LogSourceId = reader.Uuid("log_source_id"),
        LogPath = reader.Text("log_path"),
        Script = reader.Text("script"),
        Cron = reader.Text("cron"),
        RunOnStart = reader.Flag("run_on_start"),
        RunOnStop = reader.Flag("run_on_stop"),
        StartBlocksLogin = reader.Flag("start_blocks_login"),
        Timeout = TimeSpan.FromSeconds(reader.Integer("timeout")),
        DisplayName = reader.Text("display_name"),
        StartRun = reader.TextOrNull("stage") is { } stage
            ? new AgentScriptRun(
                stage,
                reader.Time("started_at"),
                reader.Time("ended_at"),
                (int)reader.Integer("exit_code"),
                reader.Text("status"))
            : null,
    };
}
