namespace ControlPlane.Reinit;

/// <summary>
/// The newest claim of a workspace: one that was made ready ahead of time is given to a user, and its agents are to begin anew as that user's.
/// </summary>
/// <param name="Id">Another one for each claim.</param>
/// <param name="State">How far it is.</param>
/// <param name="ChangedAt">Since when.</param>
internal sealed record WorkspaceClaim(Guid Id, ClaimState State, DateTimeOffset ChangedAt);

internal enum ClaimState
{
    /// <summary>The workspace waits for its user.</summary>
    Pending,

    /// <summary>It has one.</summary>
    Claimed,

    /// <summary>It will get none.</summary>
    Failed,
}

/// <summary>What became of an attempt to claim a workspace.</summary>
internal enum ClaimResult
{
    Claimed,
    NoSuchWorkspace,
    NoSuchUser,

    /// <summary>The user has another workspace of that name.</summary>
    NameTaken,
}

/// <summary>The event that tells an agent (tailnet.md §9.2); the document S2 spells the workspace's id in its own way.</summary>
internal sealed record ReinitEvent(
    Guid WorkspaceId,
    [property: System.Text.Json.Serialization.JsonPropertyName("workspaceID")] Guid OldWorkspaceId,
    string Reason,
    Guid OwnerId);
