using System.Globalization;
using Edge.Http;
using Edge.Listeners;
using Relay.Connections;

namespace Edge.RateLimiting;

/// <summary>
/// The API's rate limit, by path, and by credential when an API server has accepted it before, otherwise by the client's address.
/// Streams and DERP do not count; the connection limits apply to them. Requests without an address (from a Unix socket) count
/// only by credential.
/// </summary>
internal sealed class RateLimitMiddleware(
    RequestDelegate next,
    RateLimitOptions options,
    RateWindows windows,
    AcceptedCredentials accepted,
    CallerHash hash,
    AccessMetrics metrics)
{
    private const string LimitHeader = "X-RateLimit-Limit";
    private const string RemainingHeader = "X-RateLimit-Remaining";
    private const string ResetHeader = "X-RateLimit-Reset";

    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(60);

    public async Task InvokeAsync(HttpContext context)
    {
        var request = context.Request;
        if (request.Path.StartsWithSegments("/derp", StringComparison.OrdinalIgnoreCase))
        {
            await next(context);
            return;
        }

        var verdict = new CredentialVerdict(context, hash, accepted);
        if (RequestedUpgrade.Recognise(context) is not null)
        {
            Learn(context, verdict);
            await next(context);
            return;
        }

        var caller = verdict.Known ?? (options.ByAddress && context.Connection.RemoteIpAddress is { } address
            ? hash.OfAddress(new AddressKey(address))
            : (UInt128?)null);
        if (caller is null)
        {
            Learn(context, verdict);
            await next(context);
            return;
        }

        var decision = windows.Take(hash.OfWindow(caller.Value, request.Path.Value ?? string.Empty));
        if (decision.Allowed)
        {
            Learn(context, verdict);
            context.Response.OnStarting(() =>
            {
                SetHeaders(context.Response.Headers, decision);
                return Task.CompletedTask;
            });
            await next(context);
            return;
        }

        metrics.RateLimited();
        SetHeaders(context.Response.Headers, decision);
        var message = string.Create(
            CultureInfo.InvariantCulture, $"You've been rate limited for sending more than {options.PerMinute} requests in 1m0s.");
        await new EdgeError(message).WriteAsync(context, StatusCodes.Status429TooManyRequests, RetryAfter);
    }

    private static void Learn(HttpContext context, CredentialVerdict verdict)
    {
        if (!verdict.HasCredential)
        {
            return;
        }

        context.Features.Set<ICredentialVerdict>(verdict);
        context.Response.OnStarting(() =>
        {
            verdict.Answered(context.Response.StatusCode);
            return Task.CompletedTask;
        });
    }

    private void SetHeaders(IHeaderDictionary headers, RateDecision decision)
    {
        // The API server has a rate limit of its own, whose headers are the relevant ones.
        if (headers.ContainsKey(LimitHeader))
        {
            return;
        }

        headers[LimitHeader] = options.PerMinute.ToString(CultureInfo.InvariantCulture);
        headers[RemainingHeader] = decision.Remaining.ToString(CultureInfo.InvariantCulture);
        headers[ResetHeader] = decision.ResetsAt.ToString(CultureInfo.InvariantCulture);
    }
}
