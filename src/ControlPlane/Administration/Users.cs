namespace ControlPlane.Administration;

/// <summary>The body that makes a user.</summary>
internal sealed class CreateUser
{
    public string Username { get; set; } = "";

    public string Name { get; set; } = "";

    public string Email { get; set; } = "";
}

/// <summary>The body that changes a user; what is left out or null stays.</summary>
internal sealed class ChangeUser
{
    public string? Name { get; set; }

    public string? Email { get; set; }

    /// <summary><c>active</c> or <c>suspended</c>.</summary>
    public string? Status { get; set; }
}

/// <summary>A user, as administrators see it.</summary>
internal sealed record UserRow(
    Guid Id, string Username, string Name, string Email, string Status, DateTimeOffset CreatedAt, DateTimeOffset LastSeenAt);

/// <summary>Some of the users, and how many there are in all.</summary>
internal sealed record UserList(IReadOnlyList<UserRow> Users, long Count);
