namespace ControlPlane.Administration;

/// <summary>The body that creates a user's token.</summary>
internal sealed class CreateToken
{
    /// <summary>The token's lifetime in seconds; null: it does not expire.</summary>
    public long? LifetimeSeconds { get; set; }
}

/// <summary>A user's token, without its secret.</summary>
/// <param name="Id">The token's id, which is the part before its hyphen.</param>
/// <param name="CreatedAt">The time of creation.</param>
/// <param name="LastUsedAt">The time of its last use.</param>
/// <param name="ExpiresAt">The time at which the token expires; null: never.</param>
internal sealed record TokenRow(string Id, DateTimeOffset CreatedAt, DateTimeOffset LastUsedAt, DateTimeOffset? ExpiresAt);

/// <summary>A page of a user's tokens.</summary>
/// <param name="Tokens">At most <c>limit</c> tokens, from <c>offset</c> on.</param>
/// <param name="Count">The number of all the user's tokens.</param>
internal sealed record TokenList(IReadOnlyList<TokenRow> Tokens, long Count);

/// <summary>A token with its secret, which no other response contains.</summary>
/// <param name="Id">The token's id, which is the part before its hyphen.</param>
/// <param name="Token">The token, which clients send as <c>Coder-Session-Token</c>.</param>
/// <param name="ExpiresAt">The time at which the token expires; null: never.</param>
internal sealed record NewToken(string Id, string Token, DateTimeOffset? ExpiresAt)
{
    /// <summary>Omits the token, which a record's default text contains.</summary>
    public override string ToString() => nameof(NewToken);
}
