using System.Security.Cryptography;
using ControlPlane.Access;
using ControlPlane.Http;
using Microsoft.AspNetCore.Http;

namespace ControlPlane.Users;

/// <summary>Authenticates requests by API key, and answers 401 to requests without a valid one (tailnet.md §1.1 "U", §2.1, §2.2).</summary>
internal sealed class UserAuthentication(UserStore users, AccessSignals signals, TimeProvider time)
{
    internal const int IdLength = 10;
    internal const int SecretLength = 22;
    private const string ProxyHeader = "Coder-External-Proxy-Token";

    // Without this, each request would write to the database.
    private static readonly TimeSpan LastUsedPrecision = TimeSpan.FromMinutes(1);

    /// <summary>A handler for requests with a user's session token.</summary>
    public RequestDelegate Session(Func<HttpContext, User, Task> handler) => async context =>
    {
        var token = RequestToken.Find(context.Request);
        if (token.Length == 0)
        {
            await UnauthorizedAsync(
                context,
                new ApiError(ApiError.SignedOut, $"Cookie \"{RequestToken.CookieName}\" or query parameter must be provided."));
            return;
        }

        if (await AuthenticateAsync(context, token) is { } user)
        {
            await handler(context, user);
        }
    };

    /// <summary>
    /// A handler for requests with either a user's session token or a workspace proxy's token. This server has no workspace proxies, so
    /// that no proxy token is valid.
    /// </summary>
    public RequestDelegate SessionOrProxy(Func<HttpContext, User, Task> handler) => async context =>
    {
        var token = RequestToken.Find(context.Request);
        var proxyPresented = !string.IsNullOrEmpty(context.Request.Headers[ProxyHeader]);
        if (token.Length > 0 && proxyPresented)
        {
            await context.WriteAsync(
                StatusCodes.Status400BadRequest,
                new ApiError("API key and external proxy authentication provided, but only one is allowed"));
        }
        else if (proxyPresented)
        {
            await UnauthorizedAsync(context, new ApiError("Invalid external proxy token"));
        }
        else if (token.Length == 0)
        {
            await UnauthorizedAsync(context, new ApiError("API key or external proxy authentication required, but none provided"));
        }
        else if (await AuthenticateAsync(context, token) is { } user)
        {
            await handler(context, user);
        }
    };

    /// <summary>The request's user, or null without a valid token. It serves routes with error responses of their own.</summary>
    public async Task<User?> FindAsync(HttpContext context)
    {
        var token = RequestToken.Find(context.Request);
        return token.Length == 0 ? null : (await CheckAsync(context, token, context.RequestAborted)).User;
    }

    /// <summary>The user of a token from a form, or null when the token is not valid.</summary>
    public async Task<User?> FindAsync(string token, CancellationToken cancellationToken) =>
        (await CheckAsync(null, token, cancellationToken)).User;

    /// <summary>Whether the token is valid. Does not update the token's last use.</summary>
    public async ValueTask<bool> AcceptsAsync(string token) => (await CheckAsync(token)).Error is null;

    private static Task UnauthorizedAsync(HttpContext context, ApiError error)
    {
        context.Response.Headers.WWWAuthenticate = "Bearer realm=\"coder\"";
        return context.WriteAsync(StatusCodes.Status401Unauthorized, error);
    }

    private async Task<User?> AuthenticateAsync(HttpContext context, string token)
    {
        var (user, error) = await CheckAsync(context, token, context.RequestAborted);
        if (error is not null)
        {
            await UnauthorizedAsync(context, error);
        }

        return user;
    }

    private async Task<(User? User, ApiError? Error)> CheckAsync(HttpContext? context, string token, CancellationToken cancellationToken)
    {
        var version = signals.Version;
        var (key, user, error) = await CheckAsync(token);
        if (error is not null)
        {
            return (null, error);
        }

        if (time.GetUtcNow() is var now && now - key!.LastUsedAt >= LastUsedPrecision)
        {
            await users.MarkUsedAsync(key, now, cancellationToken);
        }

        if (context is not null)
        {
            StreamAccess.SetSessionToken(context, key.Id, key.HashedSecret, version);
        }

        return (user, null);
    }

    private async ValueTask<(ApiKey? Key, User? User, ApiError? Error)> CheckAsync(string token)
    {
        var parts = token.Split('-');
        if (parts.Length != 2 || parts[0].Length != IdLength || parts[1].Length != SecretLength)
        {
            return (null, null, new ApiError(ApiError.SignedOut, "Invalid API key format."));
        }

        // The response is the same for an unknown id and a wrong secret, so that it does not reveal which ids exist.
        if (await users.FindKeyAsync(parts[0]) is not var (key, user)
            || !CryptographicOperations.FixedTimeEquals(key.HashedSecret, Secrets.Hash(parts[1])))
        {
            return (null, null, new ApiError(ApiError.SignedOut, "API key is invalid."));
        }

        if (key.ExpiresAt <= time.GetUtcNow())
        {
            return (null, null, new ApiError(ApiError.SignedOut, $"API key expired at {UtcTimeConverter.Format(key.ExpiresAt.Value)}."));
        }

        if (user.Status != "active")
        {
            return (null, null, new ApiError(
                $"User is not active (status = \"{user.Status}\"). Contact an admin to reactivate your account."));
        }

        return (key, user, null);
    }
}
