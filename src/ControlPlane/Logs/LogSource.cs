namespace ControlPlane.Logs;

/// <summary>Where log lines of an agent come from.</summary>
/// <param name="WorkspaceAgentId">The agent's id.</param>
/// <param name="Id">The source's id.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="DisplayName">What people call it.</param>
/// <param name="Icon">The icon's URL; may be empty.</param>
internal sealed record LogSource(Guid WorkspaceAgentId, Guid Id, DateTimeOffset CreatedAt, string DisplayName, string Icon)
{
    /// <summary>The source of lines whose sender named none; every server uses this id (tailnet.md §1.3-13).</summary>
    public static Guid ExternalId { get; } = new("3b579bf4-1ed8-4b99-87a8-e9a1e3410410");

    public static LogSource External(Guid agentId, DateTimeOffset now) => new(agentId, ExternalId, now, "External", "/emojis/1f310.png");
}

/// <summary>The body of <c>POST me/log-source</c>.</summary>
internal sealed class PostLogSourceRequest
{
    /// <summary>The source's id, which is needed. One that the agent has already is answered unchanged.</summary>
    public Guid? Id { get; set; }

    /// <summary>What people call it: at most 127 characters.</summary>
    public string? DisplayName { get; set; }

    /// <summary>The icon's URL: at most 2,048 characters.</summary>
    public string? Icon { get; set; }
}
