namespace ControlPlane.Administration;

/// <summary>The body that creates a user.</summary>
internal sealed class CreateUser
{
    /// <summary>The unique user name: 1 to 64 letters, digits and single hyphens between them.</summary>
    public string Username { get; set; } = "";

    /// <summary>The display name.</summary>
    public string Name { get; set; } = "";

    /// <summary>The email address.</summary>
    public string Email { get; set; } = "";
}

/// <summary>The body that changes a user. A property that is missing or null stays the same.</summary>
internal sealed class ChangeUser
{
    /// <summary>The display name.</summary>
    public string? Name { get; set; }

    /// <summary>The email address.</summary>
    public string? Email { get; set; }

    /// <summary><c>active</c> or <c>suspended</c>.</summary>
    public string? Status { get; set; }
}

/// <summary>A user.</summary>
/// <param name="Id">The user's id.</param>
/// <param name="Username">The unique user name.</param>
/// <param name="Name">The display name.</param>
/// <param name="Email">The email address.</param>
/// <param name="Status">Only tokens of <c>active</c> users are valid.</param>
/// <param name="CreatedAt">The time of creation.</param>
/// <param name="LastSeenAt">The last use of one of the user's tokens.</param>
internal sealed record UserRow(
    Guid Id,
    string Username,
    string Name,
    string Email,
    string Status,
    DateTimeOffset CreatedAt,
    DateTimeOffset LastSeenAt);

/// <summary>A page of users.</summary>
/// <param name="Users">At most <c>limit</c> users, from <c>offset</c> on.</param>
/// <param name="Count">The number of all users.</param>
internal sealed record UserList(IReadOnlyList<UserRow> Users, long Count);
