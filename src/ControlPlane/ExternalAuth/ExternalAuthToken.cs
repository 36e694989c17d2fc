namespace ControlPlane.ExternalAuth;

/// <summary>A token of one user for one provider.</summary>
/// <param name="AccessToken">The token itself: printable ASCII, since git's credential protocol ends a value at a line feed.</param>
/// <param name="Extra">What the provider sent with it, a JSON object as text; null if nothing.</param>
/// <param name="ExpiresAt">From when on it counts as not there; null: never.</param>
internal sealed record ExternalAuthToken(string AccessToken, string? Extra = null, DateTimeOffset? ExpiresAt = null)
{
    public const int MaxCharacters = 16 * 1024;

    public static bool IsUsable(string text) =>
        text.Length is > 0 and <= MaxCharacters && text.AsSpan().IndexOfAnyExceptInRange('!', '~') < 0;

    public bool IsValid(DateTimeOffset now) => !(ExpiresAt <= now);

    /// <summary>Never the token: records print all that they hold.</summary>
    public override string ToString() => nameof(ExternalAuthToken);
}

/// <summary>That a user has linked a provider, without the token.</summary>
/// <param name="ProviderId">The service's id.</param>
/// <param name="UpdatedAt">When the token was stored.</param>
/// <param name="ExpiresAt">From when on it counts as not there; null: never.</param>
internal sealed record ExternalAuthLink(string ProviderId, DateTimeOffset UpdatedAt, DateTimeOffset? ExpiresAt);
