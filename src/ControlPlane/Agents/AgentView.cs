using System.Text.Json.Serialization;
using ControlPlane.Apps;
using ControlPlane.Coordination;
using ControlPlane.Logs;
using ControlPlane.Scripts;

namespace ControlPlane.Agents;

/// <summary>
/// The API's workspace agent: the union of what the five API documents require (tailnet.md §1.3-19). Times that have not come, and the
/// directories and instance id that are not known, are left out; the parent is null.
/// </summary>
internal sealed record AgentView
{
    public required Guid Id { get; init; }

    public required Guid? ParentId { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public DateTimeOffset? FirstConnectedAt { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public DateTimeOffset? LastConnectedAt { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public DateTimeOffset? DisconnectedAt { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public DateTimeOffset? StartedAt { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public DateTimeOffset? ReadyAt { get; init; }

    public required string Status { get; init; }

    public required string LifecycleState { get; init; }

    public required string Name { get; init; }

    public required Guid ResourceId { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? InstanceId { get; init; }

    public required string Architecture { get; init; }

    public required IReadOnlyDictionary<string, string> EnvironmentVariables { get; init; }

    public required string OperatingSystem { get; init; }

    public required int LogsLength { get; init; }

    public required bool LogsOverflowed { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Directory { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? ExpandedDirectory { get; init; }

    public required string Version { get; init; }

    public required string ApiVersion { get; init; }

    public required IReadOnlyList<AppView> Apps { get; init; }

    /// <summary>By the name of the relay's region, as the agent last said on its connection to this process.</summary>
    public required IReadOnlyDictionary<string, RegionLatency> Latency { get; init; }

    public required int ConnectionTimeoutSeconds { get; init; }

    public required string TroubleshootingUrl { get; init; }

    public required IReadOnlyList<string> Subsystems { get; init; }

    public required AgentHealth Health { get; init; }

    public required IReadOnlyList<string> DisplayApps { get; init; }

    public required IReadOnlyList<LogSource> LogSources { get; init; }

    public required IReadOnlyList<ScriptView> Scripts { get; init; }

    /// <summary>The one script that S4 knows; see <see cref="Scripts.StartupScript"/>.</summary>
    public required string StartupScript { get; init; }

    public required int StartupScriptTimeoutSeconds { get; init; }

    public required string StartupScriptBehavior { get; init; }

    /// <summary>The older spelling (S4) of a startup script that does not block logins.</summary>
    public required bool LoginBeforeReady { get; init; }
}

/// <summary>Whether an agent is well; the reason is left out when it is.</summary>
internal sealed record AgentHealth(bool Healthy, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Reason);
