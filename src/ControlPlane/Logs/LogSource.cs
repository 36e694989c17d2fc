namespace ControlPlane.Logs;

/// <summary>A source of an agent's log lines, such as a script.</summary>
/// <param name="WorkspaceAgentId">The agent's id.</param>
/// <param name="Id">The source's id.</param>
/// <param name="CreatedAt">The time of the source's creation.</param>
/// <param name="DisplayName">The name that user interfaces show.</param>
/// <param name="Icon">The icon's URL. May be empty.</param>
internal sealed record LogSource(Guid WorkspaceAgentId, Guid Id, DateTimeOffset CreatedAt, string DisplayName, string Icon)
{
    /// <summary>The source of lines that name no source. All servers use this id (tailnet.md §1.3-13).</summary>
    public static Guid ExternalId { get; } = new("3b579bf4-1ed8-4b99-87a8-e9a1e3410410");

    public static LogSource External(Guid agentId, DateTimeOffset now) => new(agentId, ExternalId, now, "External", "/emojis/1f310.png");
}

/// <summary>The body of <c>POST me/log-source</c>.</summary>
internal sealed class PostLogSourceRequest
{
    /// <summary>The source's id, required. The response to an id that the agent already has is the stored source, unchanged.</summary>
    public Guid? Id { get; set; }

    /// <summary>The name that user interfaces show: at most 127 characters.</summary>
    public string? DisplayName { get; set; }

    /// <summary>The icon's URL: at most 2,048 characters.</summary>
    public string? Icon { get; set; }
}
