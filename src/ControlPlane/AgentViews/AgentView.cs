using System.Text.Json.Serialization;
using ControlPlane.Agents;
using ControlPlane.Apps;
using ControlPlane.Coordination;
using ControlPlane.Logs;
using ControlPlane.Scripts;

namespace ControlPlane.AgentViews;

/// <summary>
/// The workspace agent of the Agents API, with the fields of all five API documents (tailnet.md §1.3-19). Unknown times, directories and
/// instance ids are omitted; an unknown parent is null.
/// </summary>
internal sealed record AgentView
{
    /// <summary>The agent's id.</summary>
    public required Guid Id { get; init; }

    /// <summary>The parent of a sub-agent; null for any other agent.</summary>
    public required Guid? ParentId { get; init; }

    /// <summary>The time of creation.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>The time of the last change.</summary>
    public required DateTimeOffset UpdatedAt { get; init; }

    /// <summary>The time of the first connection; omitted before it.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public DateTimeOffset? FirstConnectedAt { get; init; }

    /// <summary>The last time at which the agent was connected; omitted before its first connection.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public DateTimeOffset? LastConnectedAt { get; init; }

    /// <summary>The last end of its connection; omitted before it.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public DateTimeOffset? DisconnectedAt { get; init; }

    /// <summary>The last begin of its start; omitted before it.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>The last end of its start; omitted before it.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public DateTimeOffset? ReadyAt { get; init; }

    /// <summary>The connection status. An agent that has answered no ping for 30 s is <c>disconnected</c>.</summary>
    public required string Status { get; init; }

    /// <summary>The lifecycle state that the agent last reported.</summary>
    public required string LifecycleState { get; init; }

    /// <summary>The name, unique in the workspace.</summary>
    public required string Name { get; init; }

    /// <summary>The id of the resource that it runs on.</summary>
    public required Guid ResourceId { get; init; }

    /// <summary>The id of the bound cloud instance; omitted for none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? InstanceId { get; init; }

    /// <summary>The machine's architecture, such as <c>amd64</c>.</summary>
    public required string Architecture { get; init; }

    /// <summary>The environment variables of shells and scripts.</summary>
    public required IReadOnlyDictionary<string, string> EnvironmentVariables { get; init; }

    /// <summary>The machine's operating system, such as <c>linux</c>.</summary>
    public required string OperatingSystem { get; init; }

    /// <summary>The size of the stored log lines, in bytes.</summary>
    public required int LogsLength { get; init; }

    /// <summary>Whether log lines were refused because of the limit.</summary>
    public required bool LogsOverflowed { get; init; }

    /// <summary>The declared working directory of shells; omitted for none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Directory { get; init; }

    /// <summary>The working directory of shells with variables expanded, as the agent reported it; omitted before its report.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? ExpandedDirectory { get; init; }

    /// <summary>The version that the agent reported; empty before its first report.</summary>
    public required string Version { get; init; }

    /// <summary>The version of the agent API that the agent uses; empty before its first report.</summary>
    public required string ApiVersion { get; init; }

    /// <summary>The apps, in the order of their declaration.</summary>
    public required IReadOnlyList<AppView> Apps { get; init; }

    /// <summary>The latencies to DERP regions by the region's name, as the agent last reported them to this process.</summary>
    public required IReadOnlyDictionary<string, RegionLatency> Latency { get; init; }

    /// <summary>This server's path to the agent over the tailnet; omitted without one.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public AgentPathView? Tailnet { get; init; }

    /// <summary>The seconds without a first connection after which the status is <c>timeout</c>; 0: never.</summary>
    public required int ConnectionTimeoutSeconds { get; init; }

    /// <summary>The URL of a page with help for an agent that does not connect.</summary>
    public required string TroubleshootingUrl { get; init; }

    /// <summary>The subsystems in which the agent runs, as it reported.</summary>
    public required IReadOnlyList<string> Subsystems { get; init; }

    /// <summary>The health of the agent.</summary>
    public required AgentHealth Health { get; init; }

    /// <summary>The built-in apps that are shown.</summary>
    public required IReadOnlyList<string> DisplayApps { get; init; }

    /// <summary>The sources of the agent's log lines.</summary>
    public required IReadOnlyList<LogSource> LogSources { get; init; }

    /// <summary>The scripts, in the order of their declaration.</summary>
    public required IReadOnlyList<ScriptView> Scripts { get; init; }

    /// <summary>The single startup script that clients of v0.20 know; see <see cref="Scripts.StartupScript"/>.</summary>
    public required string StartupScript { get; init; }

    /// <summary>The timeout of <see cref="StartupScript"/> in seconds; 0: none.</summary>
    public required int StartupScriptTimeoutSeconds { get; init; }

    /// <summary>Whether logins wait for the startup scripts.</summary>
    public required string StartupScriptBehavior { get; init; }

    /// <summary>Whether logins do not wait for the startup script, for clients of v0.20.</summary>
    public required bool LoginBeforeReady { get; init; }
}
