namespace ControlPlane.Administration;

/// <summary>An agent.</summary>
internal sealed record AgentRow
{
    /// <summary>The agent's id.</summary>
    public required Guid Id { get; init; }

    /// <summary>The owner's user name.</summary>
    public required string Owner { get; init; }

    /// <summary>The workspace's name.</summary>
    public required string Workspace { get; init; }

    /// <summary>The workspace's id.</summary>
    public required Guid WorkspaceId { get; init; }

    /// <summary>The name, unique in the workspace.</summary>
    public required string Name { get; init; }

    /// <summary>The parent of a sub-agent; null for any other agent.</summary>
    public required Guid? ParentId { get; init; }

    /// <summary><c>connecting</c>, <c>connected</c>, <c>disconnected</c> or <c>timeout</c>.</summary>
    public required string Status { get; init; }

    /// <summary>The lifecycle state that the agent last reported.</summary>
    public required string LifecycleState { get; init; }

    /// <summary>The version that the agent reported; empty before its first report.</summary>
    public required string Version { get; init; }

    /// <summary>The id of the bound cloud instance, or null.</summary>
    public required string? InstanceId { get; init; }

    /// <summary>The time of creation.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>The last time at which the agent was connected; null: never.</summary>
    public required DateTimeOffset? LastConnectedAt { get; init; }
}

/// <summary>An agent with its declarations.</summary>
internal sealed record AgentDetails
{
    /// <summary>The agent as in lists.</summary>
    public required AgentRow Agent { get; init; }

    /// <summary>The machine's architecture, such as <c>amd64</c>.</summary>
    public required string Architecture { get; init; }

    /// <summary>The machine's operating system, such as <c>linux</c>.</summary>
    public required string OperatingSystem { get; init; }

    /// <summary>The working directory of shells.</summary>
    public required string Directory { get; init; }

    /// <summary>The file with the message of the day, which terminals show first.</summary>
    public required string MotdFile { get; init; }

    /// <summary>The URL of a page with help for an agent that does not connect.</summary>
    public required string TroubleshootingUrl { get; init; }

    /// <summary>The seconds without a first connection after which the agent's status is <c>timeout</c>; 0: never.</summary>
    public required int ConnectionTimeoutSeconds { get; init; }

    /// <summary>The environment variables of shells and scripts.</summary>
    public required IReadOnlyDictionary<string, string> EnvironmentVariables { get; init; }

    /// <summary>The built-in apps that are shown.</summary>
    public required IReadOnlyList<string> DisplayApps { get; init; }

    /// <summary>The declarations, in the form of the body that replaces them.</summary>
    public required DeclarationsBody Declarations { get; init; }
}

/// <summary>A page of agents.</summary>
/// <param name="Agents">At most <c>limit</c> agents, from <c>offset</c> on.</param>
/// <param name="Count">The number of all matching agents.</param>
internal sealed record AgentList(IReadOnlyList<AgentRow> Agents, long Count);

/// <summary>An agent's token, which no other response contains.</summary>
/// <param name="Id">The agent's id.</param>
/// <param name="AuthToken">The token, a UUID.</param>
internal sealed record NewAgentToken(Guid Id, string AuthToken)
{
    /// <summary>Omits the token, which a record's default text contains.</summary>
    public override string ToString() => nameof(NewAgentToken);
}
