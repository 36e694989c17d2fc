using System.Security.Claims;
using Edge.Http;
using Edge.Listeners;
using Microsoft.Net.Http.Headers;

namespace Edge.Authentication;

/// <summary>
/// Verifies JSON Web Tokens before a request reaches an API server:
/// 1. An ambiguous path is refused.
/// 2. A path without a policy, or with an anonymous one, passes without a check.
/// 3. A request with a valid token passes without the token, and with headers for its identity.
/// 4. A request without a valid token, but with a session token, passes for the API server to check, unless the settings
/// forbid it. All others are refused.
/// </summary>
internal sealed class EdgeAuthentication(
    RequestDelegate next, EdgeJwtOptions options, PathPolicies policies, AccessMetrics metrics, TokenCheck tokens)
{
    public async Task InvokeAsync(HttpContext context)
    {
        var path = context.Request.Path.Value ?? string.Empty;
        if (PathPolicies.IsAmbiguous(path) || policies.IsAmbiguousFor(path, RequestTarget.EscapedPath(context.Request)))
        {
            metrics.AuthRejected("ambiguous_path");
            await new EdgeError(
                "The path is ambiguous.",
                "Empty segments, dot segments, backslashes, escaped slashes and parameters that hide such segments are not allowed.")
                .WriteAsync(context, StatusCodes.Status400BadRequest);
            return;
        }

        if (policies.For(path) is not { Requirement: not Requirement.Anonymous } policy)
        {
            await next(context);
            return;
        }

        if (context.Request.Headers.Authorization.Count > 1)
        {
            metrics.AuthRejected("ambiguous_token");
            await new EdgeError("Only one Authorization header is allowed.").WriteAsync(context, StatusCodes.Status400BadRequest);
            return;
        }

        var (verdict, user) = await tokens.VerifyAsync(context);
        if (verdict == TokenVerdict.Valid)
        {
            await AdmitAsync(context, policy, user!);
        }
        else if (!options.RejectUnverified && Credentials.HasSession(context.Request))
        {
            await next(context);
        }
        else
        {
            await tokens.RefuseAsync(context, verdict);
        }
    }

    private async Task AdmitAsync(HttpContext context, PathPolicy policy, ClaimsPrincipal user)
    {
        if (policy.Requirement == Requirement.Claim && !HasClaim(user, policy.ClaimType!, policy.ClaimValue!))
        {
            metrics.AuthRejected("forbidden");
            context.Response.Headers[HeaderNames.WWWAuthenticate] = "Bearer realm=\"edge\", error=\"insufficient_scope\"";
            await new EdgeError("Forbidden.", "The token does not have the claim that this path requires.")
                .WriteAsync(context, StatusCodes.Status403Forbidden);
            return;
        }

        context.User = user;
        var request = context.Request;
        var token = TokenCheck.Find(context)!;
        context.Features.Set(new VerifiedToken(token));
        if (!options.ForwardToken)
        {
            if (Credentials.Bearer(request) is not null)
            {
                request.Headers.Remove(HeaderNames.Authorization);
            }

            // Some clients send the token in both places. A different token stays: it is for the API server.
            if (Credentials.AccessToken(request) == token)
            {
                request.QueryString = Credentials.WithoutAccessToken(request.QueryString);
            }
        }

        request.Headers[IdentityHeaders.Subject] = TokenCheck.Claim(user, "sub");
        request.Headers[IdentityHeaders.Issuer] = TokenCheck.Claim(user, "iss");
        await next(context);
    }

    /// <summary>Scopes are one claim, separated by spaces (RFC 8693, 4.2). Other claims are compared as a whole.</summary>
    private static bool HasClaim(ClaimsPrincipal user, string type, string value) => user.Claims.Any(claim =>
        claim.Type == type
        && (claim.Value == value || (type is "scope" or "scp" && claim.Value.Split(' ').Contains(value))));
}

/// <summary>
/// A feature of requests with a verified JWT: the token as the client sent it, for the rate limit's key. It is never
/// logged.
/// </summary>
internal sealed record VerifiedToken(string Token);
