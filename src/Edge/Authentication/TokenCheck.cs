using System.Security.Claims;
using Edge.Http;
using Edge.Listeners;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using Microsoft.Net.Http.Headers;

namespace Edge.Authentication;

/// <summary>The result of the check of a request's token.</summary>
internal enum TokenVerdict
{
    /// <summary>The request has no token.</summary>
    Missing,

    /// <summary>The token is valid.</summary>
    Valid,

    /// <summary>The token is not valid.</summary>
    Invalid,

    /// <summary>The keys to verify the token are not available.</summary>
    Unavailable,
}

/// <summary>Verifies the JSON Web Token of a request, and writes the answer when there is no valid one.</summary>
/// <param name="metrics">Counts refused requests.</param>
/// <param name="authority">The authority's keys; null when the settings have the keys.</param>
internal sealed class TokenCheck(AccessMetrics metrics, AuthorityKeys? authority = null)
{
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(5);

    /// <summary>
    /// The token for <see cref="JwtBearerHandler"/>: from the header, and for streams also from the query, since browsers cannot set
    /// headers there.
    /// </summary>
    public static string? Find(HttpContext context) => Credentials.Bearer(context.Request)
        ?? (RequestedUpgrade.Recognise(context) is not null ? Credentials.AccessToken(context.Request) : null);

    /// <summary>Verifies the token. The user is null unless the token is valid.</summary>
    public async Task<(TokenVerdict Verdict, ClaimsPrincipal? User)> VerifyAsync(HttpContext context)
    {
        if (Find(context) is not { } token)
        {
            return (TokenVerdict.Missing, null);
        }

        if (authority is not null && !await authority.IsReadyAsync())
        {
            return (TokenVerdict.Unavailable, null);
        }

        var result = await context.AuthenticateAsync(JwtBearerDefaults.AuthenticationScheme);
        if (result.Succeeded)
        {
            return IdentityHeaders.IsSafe(Claim(result.Principal, "sub")) && IdentityHeaders.IsSafe(Claim(result.Principal, "iss"))
                ? (TokenVerdict.Valid, result.Principal)
                : (TokenVerdict.Invalid, null);
        }

        // An unknown key may be a new one that could not be fetched. The library has the same error for a known key that does not match.
        var isNoMatch = result.Failure
            is SecurityTokenSignatureKeyNotFoundException or { InnerException: SecurityTokenSignatureKeyNotFoundException };
        var isUnknownKey = isNoMatch && authority is { LastFetchFailed: true } && !authority.Has(new JsonWebToken(token).Kid);
        return (isUnknownKey ? TokenVerdict.Unavailable : TokenVerdict.Invalid, null);
    }

    /// <summary>Answers 401, or 503 when the token cannot be verified at the moment.</summary>
    public async Task RefuseAsync(HttpContext context, TokenVerdict verdict)
    {
        var response = context.Response;
        switch (verdict)
        {
            case TokenVerdict.Unavailable:
                metrics.AuthRejected("unavailable");
                await new EdgeError(
                    "Tokens cannot be verified at the moment.", "The signing keys are not reachable. Try again in a moment.")
                    .WriteAsync(context, StatusCodes.Status503ServiceUnavailable, RetryAfter);
                break;
            case TokenVerdict.Invalid:
                metrics.AuthRejected("invalid");
                response.Headers[HeaderNames.WWWAuthenticate] = "Bearer realm=\"edge\", error=\"invalid_token\"";
                await new EdgeError("The token is not valid.", "It may have expired, or have another audience. Sign in again.")
                    .WriteAsync(context, StatusCodes.Status401Unauthorized);
                break;
            default:
                metrics.AuthRejected("missing");
                response.Headers[HeaderNames.WWWAuthenticate] = "Bearer realm=\"edge\"";
                await new EdgeError("A token is required.", "Send one in the header Authorization: Bearer <token>.")
                    .WriteAsync(context, StatusCodes.Status401Unauthorized);
                break;
        }
    }

    /// <summary>A claim's value; empty without the claim.</summary>
    public static string Claim(ClaimsPrincipal user, string type) => user.FindFirst(type)?.Value ?? string.Empty;
}
