using System.Text.Json.Serialization;
using ControlPlane.Apps;
using ControlPlane.Coordination;
using ControlPlane.Declarations;
using ControlPlane.Http;
using ControlPlane.Scripts;
using Tailnet.Messages;

namespace ControlPlane.Manifests;

/// <summary>The API's manifest and its older form, metadata (tailnet.md §1.3-14, -15). <c>startup_script_timeout</c> is in nanoseconds.</summary>
internal sealed record ManifestView
{
    public required Guid? ParentId { get; init; }

    public required Guid AgentId { get; init; }

    public required string AgentName { get; init; }

    public required string OwnerName { get; init; }

    public required Guid WorkspaceId { get; init; }

    public required string WorkspaceName { get; init; }

    public required int GitAuthConfigs { get; init; }

    /// <summary>Empty: apps and ports are not served under host names here.</summary>
    public string VscodePortProxyUri { get; } = "";

    public required IReadOnlyList<AppView> Apps { get; init; }

    [JsonConverter(typeof(DerpMapConverter))]
    public required DERPMap Derpmap { get; init; }

    public required bool DerpForceWebsockets { get; init; }

    public required IReadOnlyDictionary<string, string> EnvironmentVariables { get; init; }

    public required string Directory { get; init; }

    public required string MotdFile { get; init; }

    public required bool DisableDirectConnections { get; init; }

    public required IReadOnlyList<MetadataDescription> Metadata { get; init; }

    public required IReadOnlyList<ScriptView> Scripts { get; init; }

    public required IReadOnlyList<DevcontainerView> Devcontainers { get; init; }

    public required string StartupScript { get; init; }

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
            Devcontainers = [.. declarations.Devcontainers.Select(static one => new DevcontainerView(one.Id, one.Name, one.WorkspaceFolder, one.ConfigPath, one.SubagentId))],
            StartupScript = startup.Text,
            StartupScriptTimeout = GoDuration.Nanoseconds(startup.Timeout),
        };
    }
}

/// <summary>A development container; the agent inside is left out before there is one.</summary>
internal sealed record DevcontainerView(
    Guid Id,
    string Name,
    string WorkspaceFolder,
    string ConfigPath,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] Guid? SubagentId);
