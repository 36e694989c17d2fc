namespace ControlPlane.Administration;

/// <summary>The body that creates a workspace.</summary>
internal sealed class CreateWorkspace
{
    /// <summary>The owner's user name or id.</summary>
    public string Owner { get; set; } = "";

    /// <summary>The name, unique among the owner's workspaces: 1 to 64 letters, digits and single hyphens between them.</summary>
    public string Name { get; set; } = "";
}

/// <summary>The body that renames a workspace.</summary>
internal sealed class RenameWorkspace
{
    /// <summary>The name, unique among the owner's workspaces: 1 to 64 letters, digits and single hyphens between them.</summary>
    public string Name { get; set; } = "";
}

/// <summary>The body that makes a workspace's agents restart.</summary>
internal sealed class ReinitWorkspace
{
    /// <summary>The new owner's user name or id; null: the owner stays the same.</summary>
    public string? Owner { get; set; }
}

/// <summary>A workspace.</summary>
/// <param name="Id">The workspace's id.</param>
/// <param name="Owner">The owner's user name.</param>
/// <param name="OwnerId">The owner's id.</param>
/// <param name="Name">The name, unique among the owner's workspaces.</param>
/// <param name="Agents">The number of agents.</param>
/// <param name="Claim">The state of its claim; null for a workspace that was never prepared for one.</param>
/// <param name="CreatedAt">The time of creation.</param>
internal sealed record WorkspaceRow(Guid Id, string Owner, Guid OwnerId, string Name, long Agents, string? Claim, DateTimeOffset CreatedAt);

/// <summary>A page of workspaces.</summary>
/// <param name="Workspaces">At most <c>limit</c> workspaces, from <c>offset</c> on.</param>
/// <param name="Count">The number of all matching workspaces.</param>
internal sealed record WorkspaceList(IReadOnlyList<WorkspaceRow> Workspaces, long Count);
