using Edge.Http;
using Edge.Listeners;

namespace Edge.Proxy;

/// <summary>
/// Which forwarding headers of a request are believed: those of trusted proxies. Of everybody else's none reaches the API
/// server, whatever its spelling.
/// </summary>
internal sealed class ForwardedOrigin(RequestDelegate next, TrustedProxySet trusted)
{
    private const string ForwardedHost = "X-Forwarded-Host";

    private static readonly string[] Forged = ["Forwarded", "X-Real-IP", "True-Client-IP", "CF-Connecting-IP", "X-Client-IP", "X-Original-Forwarded-For"];

    private static readonly object HostKey = new();

    /// <summary>Runs before the framework's forwarded-headers middleware, which replaces the peer's address by the client's.</summary>
    public Task InvokeAsync(HttpContext context)
    {
        var headers = context.Request.Headers;
        var believed = context.Connection.RemoteIpAddress is { } peer && trusted.Contains(peer);
        if (believed)
        {
            var host = headers[ForwardedHost].ToString();
            if (host.Length > 0)
            {
                context.Items[HostKey] = host;
            }
        }
        else
        {
            headers.RemoveWhere(IsForwardingHeader);
        }

        return next(context);
    }

    /// <summary>The host that the client asked for: as a trusted proxy says, or else as the request does.</summary>
    public static string Host(HttpContext context) => context.Items[HostKey] as string ?? context.Request.Host.Value ?? string.Empty;

    /// <summary>Whether a header speaks of a request's origin. Some servers read '_' as '-'.</summary>
    public static bool IsForwardingHeader(string name)
    {
        var dashed = name.Replace('_', '-');
        return dashed.StartsWith("X-Forwarded-", StringComparison.OrdinalIgnoreCase)
            || Forged.Contains(dashed, StringComparer.OrdinalIgnoreCase);
    }
}
