namespace ControlPlane.Logs;

/// <summary>Where log lines of an agent come from.</summary>
internal sealed record LogSource(Guid WorkspaceAgentId, Guid Id, DateTimeOffset CreatedAt, string DisplayName, string Icon)
{
    /// <summary>The source of lines whose sender named none; every server uses this id (tailnet.md §1.3-13).</summary>
    public static Guid ExternalId { get; } = new("3b579bf4-1ed8-4b99-87a8-e9a1e3410410");

    public static LogSource External(Guid agentId, DateTimeOffset now) => new(agentId, ExternalId, now, "External", "/emojis/1f310.png");
}

/// <summary>The body of <c>POST me/log-source</c>.</summary>
internal sealed class PostLogSourceRequest
{
    public Guid? Id { get; set; }

    public string? DisplayName { get; set; }

    public string? Icon { get; set; }
}
