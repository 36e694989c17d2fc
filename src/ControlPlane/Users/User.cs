namespace ControlPlane.Users;

/// <summary>A user in the database.</summary>
internal sealed record User(
    Guid Id,
    string Username,
    string Name,
    string Email,
    DateTimeOffset CreatedAt,
    DateTimeOffset UpdatedAt,
    DateTimeOffset LastSeenAt,
    string Status,
    string LoginType)
{
    public static IReadOnlyList<string> Statuses { get; } = ["active", "dormant", "suspended"];
}

/// <summary>An API key in the database, which has only the hash of its secret.</summary>
internal sealed record ApiKey(string Id, byte[] HashedSecret, Guid UserId, DateTimeOffset LastUsedAt, DateTimeOffset? ExpiresAt);
