namespace ControlPlane.ExternalAuth;

/// <summary>A user's token for a provider.</summary>
/// <param name="AccessToken">The token: printable ASCII, because git's credential protocol ends a value at a line feed.</param>
/// <param name="Extra">A JSON object, as text, with the other properties of the provider's token response; null for none.</param>
/// <param name="ExpiresAt">The time at which the token expires; null: never.</param>
internal sealed record ExternalAuthToken(string AccessToken, string? Extra = null, DateTimeOffset? ExpiresAt = null)
{
    public const int MaxCharacters = 16 * 1024;

    public static bool IsUsable(string text) =>
        text.Length is > 0 and <= MaxCharacters && text.AsSpan().IndexOfAnyExceptInRange('!', '~') < 0;

    public bool IsValid(DateTimeOffset now) => !(ExpiresAt <= now);

    /// <summary>Omits the token, which a record's default text contains.</summary>
    public override string ToString() => nameof(ExternalAuthToken);
}

/// <summary>The link of a user to an external service, without the token.</summary>
/// <param name="ProviderId">The service's id in the configuration.</param>
/// <param name="UpdatedAt">The time at which the token was stored.</param>
/// <param name="ExpiresAt">The time at which the token expires; null: never.</param>
internal sealed record ExternalAuthLink(string ProviderId, DateTimeOffset UpdatedAt, DateTimeOffset? ExpiresAt);
