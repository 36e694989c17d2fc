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
    /// <summary>The agent that made it for itself; null: none.</summary>
    public required Guid? ParentId { get; init; }

    /// <summary>The agent's id.</summary>
    public required Guid AgentId { get; init; }

    /// <summary>The agent's name.</summary>
    public required string AgentName { get; init; }

    /// <summary>Its owner's user name.</summary>
    public required string OwnerName { get; init; }

    /// <summary>Its workspace's id.</summary>
    public required Guid WorkspaceId { get; init; }

    /// <summary>Its workspace's name.</summary>
    public required string WorkspaceName { get; init; }

    /// <summary>How many services for tokens are configured.</summary>
    public required int GitAuthConfigs { get; init; }

    /// <summary>Empty: apps and ports are not served under host names here.</summary>
    public string VscodePortProxyUri { get; } = "";

    /// <summary>Its apps, in the order of their declaration.</summary>
    public required IReadOnlyList<AppView> Apps { get; init; }

    /// <summary>Which relays there are.</summary>
    [JsonConverter(typeof(DerpMapConverter))]
    public required DERPMap Derpmap { get; init; }

    /// <summary>Whether relays are reached by WebSockets alone.</summary>
    public required bool DerpForceWebsockets { get; init; }

    /// <summary>What it sets for shells and scripts: values by names.</summary>
    public required IReadOnlyDictionary<string, string> EnvironmentVariables { get; init; }

    /// <summary>Where shells begin; empty: the home directory.</summary>
    public required string Directory { get; init; }

    /// <summary>A file whose text terminals show first; empty: none.</summary>
    public required string MotdFile { get; init; }

    /// <summary>Whether all traffic goes through relays.</summary>
    public required bool DisableDirectConnections { get; init; }

    /// <summary>The values that it collects.</summary>
    public required IReadOnlyList<MetadataDescription> Metadata { get; init; }

    /// <summary>Its scripts, in the order of their declaration.</summary>
    public required IReadOnlyList<ScriptView> Scripts { get; init; }

    /// <summary>Its development containers.</summary>
    public required IReadOnlyList<DevcontainerView> Devcontainers { get; init; }

    /// <summary>The first script at start that logins wait for, or else the first at start; empty: none.</summary>
    public required string StartupScript { get; init; }

    /// <summary>How many nanoseconds that script may take; 0: as long as it likes.</summary>
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
/// <param name="Id">The development container's id.</param>
/// <param name="Name">Its name.</param>
/// <param name="WorkspaceFolder">The folder on the agent's machine that it is for.</param>
/// <param name="ConfigPath">Its devcontainer.json; empty: where the tools look for it.</param>
/// <param name="SubagentId">The id of the agent inside; left out before there is one.</param>
internal sealed record DevcontainerView(
    Guid Id,
    string Name,
    string WorkspaceFolder,
    string ConfigPath,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] Guid? SubagentId);
