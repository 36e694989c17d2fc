namespace ControlPlane.Administration;

/// <summary>An agent, as administrators see it.</summary>
internal sealed record AgentRow
{
    public required Guid Id { get; init; }

    /// <summary>Its owner's user name.</summary>
    public required string Owner { get; init; }

    /// <summary>Its workspace's name.</summary>
    public required string Workspace { get; init; }

    public required Guid WorkspaceId { get; init; }

    public required string Name { get; init; }

    /// <summary>The agent that made it for itself, or null.</summary>
    public required Guid? ParentId { get; init; }

    /// <summary><c>connecting</c>, <c>connected</c>, <c>disconnected</c> or <c>timeout</c>.</summary>
    public required string Status { get; init; }

    public required string LifecycleState { get; init; }

    public required string Version { get; init; }

    public required string? InstanceId { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset? LastConnectedAt { get; init; }
}

/// <summary>An agent with what it has.</summary>
internal sealed record AgentDetails
{
    public required AgentRow Agent { get; init; }

    public required string Architecture { get; init; }

    public required string OperatingSystem { get; init; }

    public required string Directory { get; init; }

    public required string MotdFile { get; init; }

    public required string TroubleshootingUrl { get; init; }

    public required int ConnectionTimeoutSeconds { get; init; }

    public required IReadOnlyDictionary<string, string> EnvironmentVariables { get; init; }

    public required IReadOnlyList<string> DisplayApps { get; init; }

    public required DeclarationsBody Declarations { get; init; }
}

/// <summary>Some of the agents, and how many there are in all.</summary>
internal sealed record AgentList(IReadOnlyList<AgentRow> Agents, long Count);

/// <summary>An agent's token: the one time that it is told.</summary>
internal sealed record NewAgentToken(Guid Id, string AuthToken)
{
    /// <summary>Never the token: records print all that they hold.</summary>
    public override string ToString() => nameof(NewAgentToken);
}
