namespace ControlPlane.Administration;

/// <summary>The body that makes a user's token.</summary>
internal sealed class CreateToken
{
    /// <summary>For how long the token is good, in seconds; null: until it is deleted.</summary>
    public long? LifetimeSeconds { get; set; }
}

/// <summary>A user's token without its secret.</summary>
internal sealed record TokenRow(string Id, DateTimeOffset CreatedAt, DateTimeOffset LastUsedAt, DateTimeOffset? ExpiresAt);

/// <summary>Some of a user's tokens, and how many there are in all.</summary>
internal sealed record TokenList(IReadOnlyList<TokenRow> Tokens, long Count);

/// <summary>A token with its secret: the one time that it is told.</summary>
internal sealed record NewToken(string Id, string Token, DateTimeOffset? ExpiresAt)
{
    /// <summary>Never the token: records print all that they hold.</summary>
    public override string ToString() => nameof(NewToken);
}
