namespace ControlPlane.Administration;

/// <summary>The body that makes a user.</summary>
internal sealed class CreateUser
{
    /// <summary>The user's name, one of a kind: 1 to 64 letters, digits and single hyphens between them.</summary>
    public string Username { get; set; } = "";

    /// <summary>What people call the user.</summary>
    public string Name { get; set; } = "";

    /// <summary>The user's address of mail.</summary>
    public string Email { get; set; } = "";
}

/// <summary>The body that changes a user; what is left out or null stays.</summary>
internal sealed class ChangeUser
{
    /// <summary>What people call the user.</summary>
    public string? Name { get; set; }

    /// <summary>The user's address of mail.</summary>
    public string? Email { get; set; }

    /// <summary><c>active</c> or <c>suspended</c>.</summary>
    public string? Status { get; set; }
}

/// <summary>A user, as administrators see it.</summary>
/// <param name="Id">The user's id.</param>
/// <param name="Username">The user's name.</param>
/// <param name="Name">What people call the user.</param>
/// <param name="Email">The user's address of mail.</param>
/// <param name="Status">Whether the user's tokens are good: only those of an active one are.</param>
/// <param name="CreatedAt">When the user was made.</param>
/// <param name="LastSeenAt">When a token of the user's was last used.</param>
internal sealed record UserRow(
    Guid Id, string Username, string Name, string Email, string Status, DateTimeOffset CreatedAt, DateTimeOffset LastSeenAt);

/// <summary>Some of the users, and how many there are in all.</summary>
/// <param name="Users">Those from <c>offset</c> on, at most <c>limit</c>.</param>
/// <param name="Count">How many there are in all.</param>
internal sealed record UserList(IReadOnlyList<UserRow> Users, long Count);
