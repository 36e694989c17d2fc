namespace ControlPlane.Administration;

/// <summary>An agent, as administrators see it.</summary>
internal sealed record AgentRow
{
    /// <summary>Its id.</summary>
    public required Guid Id { get; init; }

    /// <summary>Its owner's user name.</summary>
    public required string Owner { get; init; }

    /// <summary>Its workspace's name.</summary>
    public required string Workspace { get; init; }

    /// <summary>Its workspace's id.</summary>
    public required Guid WorkspaceId { get; init; }

    /// <summary>Its name, one of a kind in the workspace.</summary>
    public required string Name { get; init; }

    /// <summary>The agent that made it for itself, or null.</summary>
    public required Guid? ParentId { get; init; }

    /// <summary><c>connecting</c>, <c>connected</c>, <c>disconnected</c> or <c>timeout</c>.</summary>
    public required string Status { get; init; }

    /// <summary>The state that the agent last reported.</summary>
    public required string LifecycleState { get; init; }

    /// <summary>The version that the agent reported; empty before it has.</summary>
    public required string Version { get; init; }

    /// <summary>The cloud's instance that stands for it, or null.</summary>
    public required string? InstanceId { get; init; }

    /// <summary>When it was made.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>The last sign of life of its connection; null: none yet.</summary>
    public required DateTimeOffset? LastConnectedAt { get; init; }
}

/// <summary>An agent with what it has.</summary>
internal sealed record AgentDetails
{
    /// <summary>What lists of agents show of it.</summary>
    public required AgentRow Agent { get; init; }

    /// <summary>The machine's architecture, such as <c>amd64</c>.</summary>
    public required string Architecture { get; init; }

    /// <summary>The machine's operating system, such as <c>linux</c>.</summary>
    public required string OperatingSystem { get; init; }

    /// <summary>Where shells begin.</summary>
    public required string Directory { get; init; }

    /// <summary>A file whose text terminals show first.</summary>
    public required string MotdFile { get; init; }

    /// <summary>A page that helps when the agent does not connect.</summary>
    public required string TroubleshootingUrl { get; init; }

    /// <summary>After how many seconds without a first connection the agent counts as timed out; 0: never.</summary>
    public required int ConnectionTimeoutSeconds { get; init; }

    /// <summary>What the agent sets for shells and scripts: values by names.</summary>
    public required IReadOnlyDictionary<string, string> EnvironmentVariables { get; init; }

    /// <summary>Which of the built-in apps are shown.</summary>
    public required IReadOnlyList<string> DisplayApps { get; init; }

    /// <summary>What the agent has, in the form that replaces it.</summary>
    public required DeclarationsBody Declarations { get; init; }
}

/// <summary>Some of the agents, and how many there are in all.</summary>
/// <param name="Agents">Those from <c>offset</c> on, at most <c>limit</c>.</param>
/// <param name="Count">How many there are in all.</param>
internal sealed record AgentList(IReadOnlyList<AgentRow> Agents, long Count);

/// <summary>An agent's token: the one time that it is told.</summary>
/// <param name="Id">The agent's id.</param>
/// <param name="AuthToken">The token, a UUID.</param>
internal sealed record NewAgentToken(Guid Id, string AuthToken)
{
    /// <summary>Never the token: records print all that they hold.</summary>
    public override string ToString() => nameof(NewAgentToken);
}
