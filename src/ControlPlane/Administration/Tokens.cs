namespace ControlPlane.Administration;

/// <summary>The body that makes a user's token.</summary>
internal sealed class CreateToken
{
    /// <summary>For how long the token is good, in seconds; null: until it is deleted.</summary>
    public long? LifetimeSeconds { get; set; }
}

/// <summary>A user's token without its secret.</summary>
/// <param name="Id">The token's id: what stands before its hyphen.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="LastUsedAt">When it was last used.</param>
/// <param name="ExpiresAt">From when on it is refused; null: never.</param>
internal sealed record TokenRow(string Id, DateTimeOffset CreatedAt, DateTimeOffset LastUsedAt, DateTimeOffset? ExpiresAt);

/// <summary>Some of a user's tokens, and how many there are in all.</summary>
/// <param name="Tokens">Those from <c>offset</c> on, at most <c>limit</c>.</param>
/// <param name="Count">How many there are in all.</param>
internal sealed record TokenList(IReadOnlyList<TokenRow> Tokens, long Count);

/// <summary>A token with its secret: the one time that it is told.</summary>
/// <param name="Id">The token's id: what stands before its hyphen.</param>
/// <param name="Token">The token.</param>
/// <param name="ExpiresAt">From when on it is refused; null: never.</param>
internal sealed record NewToken(string Id, string Token, DateTimeOffset? ExpiresAt)
{
    /// <summary>Never the token: records print all that they hold.</summary>
    public override string ToString() => nameof(NewToken);
}
