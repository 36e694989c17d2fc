namespace ControlPlane.Administration;

/// <summary>The body that makes a workspace.</summary>
internal sealed class CreateWorkspace
{
    /// <summary>A user's name or id.</summary>
    public string Owner { get; set; } = "";

    /// <summary>Its name, one of a kind among its owner's: 1 to 64 letters, digits and single hyphens between them.</summary>
    public string Name { get; set; } = "";
}

/// <summary>The body that renames a workspace.</summary>
internal sealed class RenameWorkspace
{
    /// <summary>Its name, one of a kind among its owner's: 1 to 64 letters, digits and single hyphens between them.</summary>
    public string Name { get; set; } = "";
}

/// <summary>The body that tells a workspace's agents to begin anew.</summary>
internal sealed class ReinitWorkspace
{
    /// <summary>Whose the workspace is from then on, a user's name or id; null: it stays its owner's.</summary>
    public string? Owner { get; set; }
}

/// <summary>A workspace, as administrators see it.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Owner">Its owner's user name.</param>
/// <param name="OwnerId">Its owner's id.</param>
/// <param name="Name">Its name.</param>
/// <param name="Agents">How many agents it has.</param>
/// <param name="Claim"><c>pending</c>, <c>claimed</c> or <c>failed</c>; null for one that was never made ready for somebody.</param>
/// <param name="CreatedAt">When it was made.</param>
internal sealed record WorkspaceRow(Guid Id, string Owner, Guid OwnerId, string Name, long Agents, string? Claim, DateTimeOffset CreatedAt);

/// <summary>Some of the workspaces, and how many there are in all.</summary>
/// <param name="Workspaces">Those from <c>offset</c> on, at most <c>limit</c>.</param>
/// <param name="Count">How many there are in all.</param>
internal sealed record WorkspaceList(IReadOnlyList<WorkspaceRow> Workspaces, long Count);
