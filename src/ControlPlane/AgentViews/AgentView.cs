using System.Text.Json.Serialization;
using ControlPlane.Agents;
using ControlPlane.Apps;
using ControlPlane.Coordination;
using ControlPlane.Logs;
using ControlPlane.Scripts;

namespace ControlPlane.AgentViews;

/// <summary>
/// The API's workspace agent: the union of what the five API documents require (tailnet.md §1.3-19). Times that have not come, and the
/// directories and instance id that are not known, are left out; the parent is null.
/// </summary>
internal sealed record AgentView
{
    /// <summary>The agent's id.</summary>
    public required Guid Id { get; init; }

    /// <summary>The agent that made it for itself; null: none.</summary>
    public required Guid? ParentId { get; init; }

    /// <summary>When it was made.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it was last changed.</summary>
    public required DateTimeOffset UpdatedAt { get; init; }

    /// <summary>When it first connected; left out before it has.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public DateTimeOffset? FirstConnectedAt { get; init; }

    /// <summary>The last sign of life of its connection; left out before it has connected.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public DateTimeOffset? LastConnectedAt { get; init; }

    /// <summary>When its connection last ended; left out before it has.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public DateTimeOffset? DisconnectedAt { get; init; }

    /// <summary>When it last began to start; left out before it has.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>When its start was last over; left out before it was.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public DateTimeOffset? ReadyAt { get; init; }

    /// <summary>What its connection does; disconnected also after 30 s without a sign of life.</summary>
    public required string Status { get; init; }

    /// <summary>The state that it last reported.</summary>
    public required string LifecycleState { get; init; }

    /// <summary>Its name, one of a kind in the workspace.</summary>
    public required string Name { get; init; }

    /// <summary>The id of the resource that it runs on.</summary>
    public required Guid ResourceId { get; init; }

    /// <summary>The cloud's instance that stands for it; left out when there is none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? InstanceId { get; init; }

    /// <summary>The machine's architecture, such as <c>amd64</c>.</summary>
    public required string Architecture { get; init; }

    /// <summary>What it sets for shells and scripts: values by names.</summary>
    public required IReadOnlyDictionary<string, string> EnvironmentVariables { get; init; }

    /// <summary>The machine's operating system, such as <c>linux</c>.</summary>
    public required string OperatingSystem { get; init; }

    /// <summary>How many bytes of log lines it has stored.</summary>
    public required int LogsLength { get; init; }

    /// <summary>Whether log lines were refused because of its limit.</summary>
    public required bool LogsOverflowed { get; init; }

    /// <summary>Where shells begin; left out when that is not declared.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Directory { get; init; }

    /// <summary>Where shells begin, as the agent has expanded it; left out before it has said so.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? ExpandedDirectory { get; init; }

    /// <summary>The version that it reported; empty before it has.</summary>
    public required string Version { get; init; }

    /// <summary>The version of the agent API that it speaks; empty before it has connected.</summary>
    public required string ApiVersion { get; init; }

    /// <summary>Its apps, in the order of their declaration.</summary>
    public required IReadOnlyList<AppView> Apps { get; init; }

    /// <summary>By the name of the relay's region, as the agent last said on its connection to this process.</summary>
    public required IReadOnlyDictionary<string, RegionLatency> Latency { get; init; }

    /// <summary>After how many seconds without a first connection it counts as timed out; 0: never.</summary>
    public required int ConnectionTimeoutSeconds { get; init; }

    /// <summary>A page that helps when it does not connect.</summary>
    public required string TroubleshootingUrl { get; init; }

    /// <summary>What it runs in, as it reported.</summary>
    public required IReadOnlyList<string> Subsystems { get; init; }

    /// <summary>Whether it is well.</summary>
    public required AgentHealth Health { get; init; }

    /// <summary>Which of the built-in apps are shown.</summary>
    public required IReadOnlyList<string> DisplayApps { get; init; }

    /// <summary>Where its log lines come from.</summary>
    public required IReadOnlyList<LogSource> LogSources { get; init; }

    /// <summary>Its scripts, in the order of their declaration.</summary>
    public required IReadOnlyList<ScriptView> Scripts { get; init; }

    /// <summary>The one script that S4 knows; see <see cref="Scripts.StartupScript"/>.</summary>
    public required string StartupScript { get; init; }

    /// <summary>How many seconds <see cref="StartupScript"/> may take; 0: as long as it likes.</summary>
    public required int StartupScriptTimeoutSeconds { get; init; }

    /// <summary>Whether logins wait for a script at start.</summary>
    public required string StartupScriptBehavior { get; init; }

    /// <summary>The older spelling (S4) of a startup script that does not block logins.</summary>
    public required bool LoginBeforeReady { get; init; }
}
