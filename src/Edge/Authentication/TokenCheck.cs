using System.Security.Claims;
using Edge.Http;
using Edge.Listeners;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using Microsoft.Net.Http.Headers;

namespace Edge.Authentication;

/// <summary>What is known of a request's token.</summary>
internal enum TokenVerdict
{
    /// <summary>There is none.</summary>
    Missing,

    /// <summary>It is good.</summary>
    Valid,

    /// <summary>It is not.</summary>
    Invalid,

    /// <summary>The keys to verify it are not at hand.</summary>
    Unavailable,
}

/// <summary>Verifies the JSON Web Token of a request, and answers for the edge when there is no valid one.</summary>
/// <param name="metrics">Counts what is refused.</param>
/// <param name="authority">The authority's keys; null when the keys stand in the settings.</param>
internal sealed class TokenCheck(AccessMetrics metrics, AuthorityKeys? authority = null)
{
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Where <see cref="JwtBearerHandler"/> finds the token: the header, and for streams the query, since browsers
    /// cannot set headers there.
    /// </summary>
    public static string? Find(HttpContext context) =>
        Credentials.Bearer(context.Request) ?? (RequestedUpgrade.Recognise(context) is not null ? Credentials.AccessToken(context.Request) : null);

    /// <summary>Verifies the token; the user is there when it is valid.</summary>
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

        // A key that is not known may be a new one that could not be fetched. The library says the same of a key that it has tried.
        var isNoMatch = result.Failure
            is SecurityTokenSignatureKeyNotFoundException or { InnerException: SecurityTokenSignatureKeyNotFoundException };
        var isUnknownKey = isNoMatch && authority is { LastFetchFailed: true } && !authority.Has(new JsonWebToken(token).Kid);
        return (isUnknownKey ? TokenVerdict.Unavailable : TokenVerdict.Invalid, null);
    }

    /// <summary>Answers 401, or 503 when the token cannot be verified right now.</summary>
    public async Task RefuseAsync(HttpContext context, TokenVerdict verdict)
    {
        var response = context.Response;
        switch (verdict)
        {
            case TokenVerdict.Unavailable:
                metrics.AuthRejected("unavailable");
                await new ApiError("Tokens cannot be verified right now.", "The signing keys are not reachable. Try again in a moment.")
                    .WriteAsync(context, StatusCodes.Status503ServiceUnavailable, RetryAfter);
                break;
            case TokenVerdict.Invalid:
                metrics.AuthRejected("invalid");
                response.Headers[HeaderNames.WWWAuthenticate] = "Bearer realm=\"edge\", error=\"invalid_token\"";
                await new ApiError("The token is not valid.", "It may have expired, or be meant for someone else. Sign in again.")
                    .WriteAsync(context, StatusCodes.Status401Unauthorized);
                break;
            default:
                metrics.AuthRejected("missing");
                response.Headers[HeaderNames.WWWAuthenticate] = "Bearer realm=\"edge\"";
                await new ApiError("A token is needed.", "Send one in the header Authorization: Bearer <token>.")
                    .WriteAsync(context, StatusCodes.Status401Unauthorized);
                break;
        }
    }

    /// <summary>A claim's value; empty when there is none.</summary>
    public static string Claim(ClaimsPrincipal user, string type) => user.FindFirst(type)?.Value ?? string.Empty;
}
