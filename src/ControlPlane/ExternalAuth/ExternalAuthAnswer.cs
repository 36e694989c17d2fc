using System.Text.Json;
using System.Text.Json.Serialization;

namespace ControlPlane.ExternalAuth;

/// <summary>The response of <c>me/external-auth</c>: a token, or only the page where the owner gets one (tailnet.md §1.3-9).</summary>
internal sealed record ExternalAuthAnswer
{
    /// <summary>The token; empty when the owner has none.</summary>
    public string AccessToken { get; init; } = "";

    /// <summary>A JSON object with the other properties of the service's token response; null for none.</summary>
    public JsonElement? TokenExtra { get; init; }

    /// <summary>The page where the owner gets a token; empty with a token.</summary>
    public string Url { get; init; } = "";

    /// <summary>The service's kind, such as <c>github</c>.</summary>
    public string Type { get; init; } = "";

    /// <summary>The time at which the token expires; omitted if it does not.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>The user name that git sends.</summary>
    public string Username { get; init; } = "";

    /// <summary>The password that git sends; empty when the token is the user name.</summary>
    public string Password { get; init; } = "";

    public static ExternalAuthAnswer NotLinked(ExternalAuthProvider provider) => new() { Url = provider.LinkUrl?.AbsoluteUri ?? "" };

    public static ExternalAuthAnswer Of(ExternalAuthProvider provider, ExternalAuthToken token)
    {
        // GitLab and Bitbucket require a fixed user name with the token as the password. Other hosts accept the token as the user name.
        var (username, password) = provider.Type switch
        {
            "gitlab" => ("oauth2", token.AccessToken),
            "bitbucket" or "bitbucket-cloud" or "bitbucket-server" => ("x-token-auth", token.AccessToken),
            _ => (token.AccessToken, ""),
        };
        return new ExternalAuthAnswer
        {
            AccessToken = token.AccessToken,
            TokenExtra = token.Extra is { } extra ? JsonElement.Parse(extra) : null,
            Type = provider.Type,
            ExpiresAt = token.ExpiresAt,
            Username = username,
            Password = password,
        };
    }

    /// <summary>Omits the token, which a record's default text contains.</summary>
    public override string ToString() => nameof(ExternalAuthAnswer);
}
