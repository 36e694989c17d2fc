namespace ControlPlane.Reinit;

/// <summary>
/// The newest claim of a workspace. A claim gives a workspace that was prepared in advance to a user, and makes its agents reinitialize for
/// that user.
/// </summary>
/// <param name="Id">An id that each change of the state renews.</param>
/// <param name="State">The claim's state.</param>
/// <param name="ChangedAt">The time of the last change of the state.</param>
internal sealed record WorkspaceClaim(Guid Id, ClaimState State, DateTimeOffset ChangedAt);

internal enum ClaimState
{
    /// <summary>The workspace waits for its user.</summary>
    Pending,

    /// <summary>The workspace has its user.</summary>
    Claimed,

    /// <summary>The workspace will get no user.</summary>
    Failed,
}

/// <summary>The result of an attempt to claim a workspace.</summary>
internal enum ClaimResult
{
    Claimed,
    NoSuchWorkspace,
    NoSuchUser,

    /// <summary>The user has another workspace of the same name.</summary>
    NameTaken,
}

/// <summary>
/// The data of the event that makes an agent reinitialize (tailnet.md §9.2). The document of v2.23 spells the workspace's id differently.
/// </summary>
internal sealed record ReinitEvent(
    Guid WorkspaceId,
    [property: System.Text.Json.Serialization.JsonPropertyName("workspaceID")] Guid OldWorkspaceId,
    string Reason,
    Guid OwnerId);
