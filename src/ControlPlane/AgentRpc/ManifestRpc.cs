using ControlPlane.Apps;
using ControlPlane.Declarations;
using ControlPlane.Manifests;
using Google.Protobuf.WellKnownTypes;
using Tailnet.AgentMessages;
using Tailnet.Coordination;
using Tailnet.Drpc;

namespace ControlPlane.AgentRpc;

/// <summary>Serves the manifest of an agent as a protobuf message.</summary>
internal sealed class ManifestRpc(ManifestSource manifests, ControlPlaneOptions options)
{
    private const int NanosecondsPerSecond = 1_000_000_000;

    public async ValueTask<Manifest> GetAsync(Guid agentId)
    {
        var (agent, declarations, map) = await manifests.OfAsync(agentId)
            ?? throw new DrpcException(0, "the agent does not exist any more");
        var manifest = new Manifest
        {
            AgentId = PeerIds.Write(agent.Id),
            AgentName = agent.Name,
            OwnerUsername = agent.OwnerName,
            WorkspaceId = PeerIds.Write(agent.WorkspaceId),
            WorkspaceName = agent.WorkspaceName,
            // If this is above 0, an agent configures itself as git's askpass program.
            GitAuthConfigs = (uint)options.ExternalAuth.Count,
            Directory = agent.Directory,
            MotdPath = agent.MotdFile,
            EnvironmentVariables = { agent.EnvironmentVariables.ToDictionary() },
            DerpMap = map,
            DerpForceWebsockets = options.DerpMap.ForceWebSockets,
            DisableDirectConnections = options.DerpMap.BlockDirect,
            Apps = { declarations.Apps.Select(app => ToMessage(app, agent)) },
            Scripts = { declarations.Scripts.Select(ToMessage) },
            Devcontainers = { declarations.Devcontainers.Select(ToMessage) },
            Metadata = { declarations.Metadata.Select(ToMessage) },
        };
        if (agent.ParentId is { } parent)
        {
            manifest.ParentId = PeerIds.Write(parent);
        }

        return manifest;
    }

    private static WorkspaceApp ToMessage(AgentApp app, Agents.Agent agent) => new()
    {
        Id = PeerIds.Write(app.Id),
        Url = app.Url,
        External = app.External,
        Slug = app.Slug,
        DisplayName = app.DisplayName,
        Command = app.Command,
        Icon = app.Icon,
        Subdomain = app.Subdomain,
        SubdomainName = AppView.SubdomainNameOf(app, agent),
        SharingLevel = app.SharingLevel switch
        {
            "authenticated" => WorkspaceApp.Types.SharingLevel.Authenticated,
            "organization" => WorkspaceApp.Types.SharingLevel.Organization,
            "public" => WorkspaceApp.Types.SharingLevel.Public,
            _ => WorkspaceApp.Types.SharingLevel.Owner,
        },
        Healthcheck = new WorkspaceApp.Types.Healthcheck
        {
            Url = app.HealthcheckUrl,
            Interval = new Duration { Seconds = app.HealthcheckInterval },
            Threshold = app.HealthcheckThreshold,
        },
        Health = app.Health switch
        {
            AppHealths.Initializing => WorkspaceApp.Types.Health.Initializing,
            AppHealths.Healthy => WorkspaceApp.Types.Health.Y, // HEALTHY; protoc strips the enum's name from it
            AppHealths.Unhealthy => WorkspaceApp.Types.Health.Unhealthy,
            _ => WorkspaceApp.Types.Health.Disabled,
        },
        Hidden = app.Hidden,
    };

    private static WorkspaceAgentScript ToMessage(AgentScript script) => new()
    {
        Id = PeerIds.Write(script.Id),
        LogSourceId = PeerIds.Write(script.LogSourceId),
        LogPath = script.LogPath,
        Script = script.Script,
        Cron = script.Cron,
        RunOnStart = script.RunOnStart,
        RunOnStop = script.RunOnStop,
        StartBlocksLogin = script.StartBlocksLogin,
        Timeout = Duration.FromTimeSpan(script.Timeout),
        DisplayName = script.DisplayName,
    };

    private static WorkspaceAgentDevcontainer ToMessage(AgentDevcontainer container)
    {
        var message = new WorkspaceAgentDevcontainer
        {
            Id = PeerIds.Write(container.Id),
            Name = container.Name,
            WorkspaceFolder = container.WorkspaceFolder,
            ConfigPath = container.ConfigPath,
        };
        if (container.SubagentId is { } subagent)
        {
            message.SubagentId = PeerIds.Write(subagent);
        }

        return message;
    }

    private static WorkspaceAgentMetadata.Types.Description ToMessage(MetadataDescription metadata) => new()
    {
        Key = metadata.Key,
        DisplayName = metadata.DisplayName,
        Script = metadata.Script,
        Interval = CountOfSeconds(metadata.Interval),
        Timeout = CountOfSeconds(metadata.Timeout),
    };

    /// <summary>
    /// These two durations hold the number of seconds as nanoseconds. Coder's server writes them so, and agents read them so.
    /// </summary>
    private static Duration CountOfSeconds(long seconds) => new()
    {
        Seconds = seconds / NanosecondsPerSecond,
        Nanos = (int)(seconds % NanosecondsPerSecond),
    };
}
