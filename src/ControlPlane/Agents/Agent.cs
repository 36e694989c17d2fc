namespace ControlPlane.Agents;

/// <summary>A workspace agent as stored. The cache shares one instance between many requests.</summary>
internal sealed record Agent
{
    public required Guid Id { get; init; }

    public required Guid OwnerId { get; init; }

    /// <summary>The owner's user name.</summary>
    public required string OwnerName { get; init; }

    public required Guid WorkspaceId { get; init; }

    public required string WorkspaceName { get; init; }

    public required Guid? ParentId { get; init; }

    public required Guid ResourceId { get; init; }

    public required string Name { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; init; }

    public required DateTimeOffset? FirstConnectedAt { get; init; }

    public required DateTimeOffset? LastConnectedAt { get; init; }

    public required DateTimeOffset? DisconnectedAt { get; init; }

    public required DateTimeOffset? StartedAt { get; init; }

    public required DateTimeOffset? ReadyAt { get; init; }

    public required string LifecycleState { get; init; }

    public required string? InstanceId { get; init; }

    public required string Architecture { get; init; }

    public required string OperatingSystem { get; init; }

    public required IReadOnlyDictionary<string, string> EnvironmentVariables { get; init; }

    public required string Directory { get; init; }

    public required string ExpandedDirectory { get; init; }

    public required string MotdFile { get; init; }

    public required string Version { get; init; }

    public required string ApiVersion { get; init; }

    public required IReadOnlyList<string> Subsystems { get; init; }

    public required IReadOnlyList<string> DisplayApps { get; init; }

    public required string StartupScriptBehavior { get; init; }

    public required int ConnectionTimeoutSeconds { get; init; }

    public required string TroubleshootingUrl { get; init; }

    public required int LogsLength { get; init; }

    public required bool LogsOverflowed { get; init; }

    /// <summary>
    /// Whether the first start created the agent: the deployment was created in the same transaction and has the same time of creation.
    /// </summary>
    public required bool IsOfFirstStart { get; init; }
}
