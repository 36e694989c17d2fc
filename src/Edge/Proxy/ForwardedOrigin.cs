using Edge.Http;
using Edge.Listeners;

namespace Edge.Proxy;

/// <summary>
/// Removes the forwarding headers of clients, in every spelling. Only trusted proxies may send them.
/// </summary>
internal sealed class ForwardedOrigin(RequestDelegate next, TrustedProxySet trusted)
{
    private const string ForwardedHost = "X-Forwarded-Host";

    private static readonly string[] ClientAddressHeaders =
        ["Forwarded", "X-Real-IP", "True-Client-IP", "CF-Connecting-IP", "X-Client-IP", "X-Original-Forwarded-For"];

    private static readonly object HostKey = new();

    /// <summary>Runs before ASP.NET Core's forwarded-headers middleware, which replaces the peer's address by the client's.</summary>
    public Task InvokeAsync(HttpContext context)
    {
        var headers = context.Request.Headers;
        var isTrusted = context.Connection.RemoteIpAddress is { } peer && trusted.Contains(peer);
        if (isTrusted)
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

    /// <summary>The host that the client asked for, from a trusted proxy's header or from the request itself.</summary>
    public static string Host(HttpContext context) =>
        context.Items[HostKey] as string ?? context.Request.Host.Value ?? string.Empty;

    /// <summary>Whether a header is about a request's origin. Some servers treat '_' like '-'.</summary>
    public static bool IsForwardingHeader(string name)
    {
        var dashed = name.Replace('_', '-');
        return dashed.StartsWith("X-Forwarded-", StringComparison.OrdinalIgnoreCase)
            || ClientAddressHeaders.Contains(dashed, StringComparer.OrdinalIgnoreCase);
    }
}
