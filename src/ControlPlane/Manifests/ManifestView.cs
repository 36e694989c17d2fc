using System.Text.Json.Serialization;
using ControlPlane.Apps;
using ControlPlane.Coordination;
using ControlPlane.Declarations;
using ControlPlane.Http;
using ControlPlane.Scripts;
using Tailnet.Messages;

namespace ControlPlane.Manifests;

/// <summary>
/// The API's manifest, with the fields of its older form, metadata (tailnet.md §1.3-14, -15). <c>startup_script_timeout</c> is in
/// nanoseconds.
/// </summary>
internal sealed record ManifestView
{
    /// <summary>The id of the agent that created this one as its sub-agent. Null for other agents.</summary>
    public required Guid? ParentId { get; init; }

    /// <summary>The agent's id.</summary>
    public required Guid AgentId { get; init; }

    /// <summary>The agent's name.</summary>
    public required string AgentName { get; init; }

    /// <summary>The owner's user name.</summary>
    public required string OwnerName { get; init; }

    /// <summary>The workspace's id.</summary>
    public required Guid WorkspaceId { get; init; }

    /// <summary>The workspace's name.</summary>
    public required string WorkspaceName { get; init; }

    /// <summary>The number of configured external auth providers.</summary>
    public required int GitAuthConfigs { get; init; }

    /// <summary>Always empty: this server does not serve apps and ports under host names of their own.</summary>
    public string VscodePortProxyUri { get; } = "";

    /// <summary>The agent's apps, in the order of their declaration.</summary>
    public required IReadOnlyList<AppView> Apps { get; init; }

    /// <summary>The DERP map.</summary>
    [JsonConverter(typeof(DerpMapConverter))]
    public required DERPMap Derpmap { get; init; }

    /// <summary>Whether the agent connects to relays only by WebSocket.</summary>
    public required bool DerpForceWebsockets { get; init; }

    /// <summary>The environment variables of shells and scripts: values by names.</summary>
    public required IReadOnlyDictionary<string, string> EnvironmentVariables { get; init; }

    /// <summary>The directory in which shells start. Empty: the home directory.</summary>
    public required string Directory { get; init; }

    /// <summary>The file with the message of the day, which terminals show at their start. Empty: none.</summary>
    public required string MotdFile { get; init; }

    /// <summary>Whether all traffic goes through relays.</summary>
    public required bool DisableDirectConnections { get; init; }

    /// <summary>The metadata that the agent collects.</summary>
    public required IReadOnlyList<MetadataDescription> Metadata { get; init; }

    /// <summary>The agent's scripts, in the order of their declaration.</summary>
    public required IReadOnlyList<ScriptView> Scripts { get; init; }

    /// <summary>The agent's development containers.</summary>
    public required IReadOnlyList<DevcontainerView> Devcontainers { get; init; }

    /// <summary>The first script that runs at start and blocks logins, or else the first that runs at start. Empty: none.</summary>
    public required string StartupScript { get; init; }

    /// <summary>The time-out of the startup script, in nanoseconds. 0: none.</summary>
    public required long StartupScriptTimeout { get; init; }

    public static ManifestView Of(AgentManifest manifest, ControlPlaneOptions options)
    {
        var (agent, declarations, map) = manifest;
        var startup = ControlPlane.Scripts.StartupScript.Of(declarations.Scripts);
        return new ManifestView
        {
            ParentId = agent.ParentId,
            AgentId = agent.Id,
            AgentName = agent.Name,
            OwnerName = agent.OwnerName,
            WorkspaceId = agent.WorkspaceId,
            WorkspaceName = agent.WorkspaceName,
            GitAuthConfigs = options.ExternalAuth.Count,
            Apps = [.. declarations.Apps.Select(app => AppView.Of(app, agent))],
            Derpmap = map,
            DerpForceWebsockets = options.DerpMap.ForceWebSockets,
            EnvironmentVariables = agent.EnvironmentVariables,
            Directory = agent.Directory,
            MotdFile = agent.MotdFile,
            DisableDirectConnections = options.DerpMap.BlockDirect,
            Metadata = declarations.Metadata,
            Scripts = [.. declarations.Scripts.Select(ScriptView.Of)],
            Devcontainers = [.. declarations.Devcontainers.Select(static container => new DevcontainerView(
                container.Id, container.Name, container.WorkspaceFolder, container.ConfigPath, container.SubagentId))],
            StartupScript = startup.Text,
            StartupScriptTimeout = GoDuration.Nanoseconds(startup.Timeout),
        };
    }
}

/// <summary>A development container.</summary>
/// <param name="Id">The development container's id.</param>
/// <param name="Name">The development container's name.</param>
/// <param name="WorkspaceFolder">The project's folder on the agent's machine.</param>
/// <param name="ConfigPath">The path of devcontainer.json. Empty: the default paths.</param>
/// <param name="SubagentId">The id of the sub-agent inside. Omitted before there is one.</param>
internal sealed record DevcontainerView(
    Guid Id,
    string Name,
    string WorkspaceFolder,
    string ConfigPath,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] Guid? SubagentId);
