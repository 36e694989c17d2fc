using ControlPlane.Agents;
using ControlPlane.Apps;
using ControlPlane.Connections;
using ControlPlane.Coordination;
using ControlPlane.Declarations;
using ControlPlane.Http;
using ControlPlane.Logs;
using ControlPlane.Scripts;
using ControlPlane.Storage;
using Microsoft.AspNetCore.Http;
using Tailnet.Services;

namespace ControlPlane.AgentViews;

/// <summary><c>GET {id}</c>: an agent with its apps, scripts, log sources and latencies.</summary>
internal sealed class AgentViewApi(
    Database database, AgentLatencies latencies, DerpMapPublisher derpMaps, AgentReach reach, TimeProvider time)
{
    private const string Blocking = "blocking";
    private const string NonBlocking = "non-blocking";

    private readonly ReadThroughCache<Guid, Parts> _parts = new(
        database,
        time,
        static async (connection, id) => new Parts(
            await DeclarationStore.ReadAppsAsync(connection, id),
            await DeclarationStore.ReadScriptsAsync(connection, id),
            await LogSourceStore.ReadAsync(connection, id)),
        database.Engine.DataVersion);

    public async Task GetAsync(HttpContext context, Agent agent)
    {
        var status = reach.StatusOf(agent);
        var (apps, scripts, sources) = (await _parts.GetAsync(agent.Id))!;
        var startup = StartupScript.Of(scripts);
        var behavior = startup.Blocks switch
        {
            true => Blocking,
            false => NonBlocking,
            null => agent.StartupScriptBehavior,
        };
        var view = new AgentView
        {
            Id = agent.Id,
            ParentId = agent.ParentId,
            CreatedAt = agent.CreatedAt,
            UpdatedAt = agent.UpdatedAt,
            FirstConnectedAt = agent.FirstConnectedAt,
            LastConnectedAt = agent.LastConnectedAt,
            DisconnectedAt = agent.DisconnectedAt,
            StartedAt = agent.StartedAt,
            ReadyAt = agent.ReadyAt,
            Status = status,
            LifecycleState = agent.LifecycleState,
            Name = agent.Name,
            ResourceId = agent.ResourceId,
            InstanceId = agent.InstanceId,
            Architecture = agent.Architecture,
            EnvironmentVariables = agent.EnvironmentVariables,
            OperatingSystem = agent.OperatingSystem,
            LogsLength = agent.LogsLength,
            LogsOverflowed = agent.LogsOverflowed,
            Directory = NullIfEmpty(agent.Directory),
            ExpandedDirectory = NullIfEmpty(agent.ExpandedDirectory),
            Version = agent.Version,
            ApiVersion = agent.ApiVersion,
            Apps = apps.ConvertAll(app => AppView.Of(app, agent)),
            Latency = latencies.Of(agent.Id, derpMaps.Current),
            Tailnet = AgentPathView.Of(reach.PathOf(agent)),
            ConnectionTimeoutSeconds = agent.ConnectionTimeoutSeconds,
            TroubleshootingUrl = agent.TroubleshootingUrl,
            Subsystems = agent.Subsystems,
            Health = AgentStatus.HealthOf(agent, status),
            DisplayApps = agent.DisplayApps,
            LogSources = sources,
            Scripts = scripts.ConvertAll(ScriptView.Of),
            StartupScript = startup.Text,
            StartupScriptTimeoutSeconds = (int)Math.Min(startup.Timeout.TotalSeconds, int.MaxValue),
            StartupScriptBehavior = behavior,
            LoginBeforeReady = behavior == NonBlocking,
        };
        await context.WriteAsync(StatusCodes.Status200OK, view, AgentViewsJson.Wire.AgentView);
    }

    private static string? NullIfEmpty(string text) => text.Length == 0 ? null : text;

    /// <summary>The parts of the view from other tables than the agent's own.</summary>
    private sealed record Parts(List<AgentApp> Apps, List<AgentScript> Scripts, List<LogSource> Sources);
}
