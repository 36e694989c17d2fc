using Edge.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace Edge.Proxy;

/// <summary>
/// Removes the headers that <c>Connection</c> names: they are for this connection alone (RFC 9110 §7.6.1). Before anything of the edge's
/// own looks at or adds a header, so that a client cannot name one that the edge or an operator's transform sets.
/// </summary>
internal static class ConnectionOptions
{
    /// <summary>
    /// What the edge itself reads, or has from a trusted proxy. These are for every recipient, so that nobody may name them (§7.6.1), and
    /// without them a request would be another one here than at the API server.
    /// </summary>
    private static readonly HashSet<string> Kept = new(StringComparer.OrdinalIgnoreCase)
    {
        HeaderNames.Host, HeaderNames.ContentLength, HeaderNames.TransferEncoding, HeaderNames.Connection, HeaderNames.Upgrade,
        HeaderNames.SecWebSocketKey, HeaderNames.SecWebSocketVersion, HeaderNames.SecWebSocketProtocol, HeaderNames.SecWebSocketExtensions,
        HeaderNames.Authorization, HeaderNames.Cookie, "Coder-Session-Token", "Coder-External-Proxy-Token", "X-Request-ID",
    };

    public static Task RemoveAsync(HttpContext context, RequestDelegate next)
    {
        // Without others there are only options that the server core has dealt with.
        foreach (var value in context.Request.Headers.Connection)
        {
            if (ConnectionField.IsAddedTo(value))
            {
                Remove(context);
                break;
            }
        }

        return next(context);
    }

    private static void Remove(HttpContext context)
    {
        var headers = context.Request.Headers;
        headers.Connection = headers.Connection.Select(ConnectionField.Original).ToArray();
        var options = Named(headers.Connection).ToHashSet(StringComparer.OrdinalIgnoreCase);
        foreach (var name in options)
        {
            if (!Kept.Contains(name) && !ForwardedOrigin.IsForwardingHeader(name))
            {
                headers.Remove(name);
            }
        }

        if (!options.Contains(HeaderNames.Upgrade))
        {
            context.Features.Set<IHttpUpgradeFeature>(null);
        }

        if (HttpProtocol.IsHttp10(context.Request.Protocol) && !options.Contains(HeaderNames.KeepAlive))
        {
            context.Response.Headers.Connection = "close";
        }
    }

    /// <summary>
    /// The same for an API server's answer. Its length is the HTTP client's matter by now, and <c>Upgrade</c> is left to who forwards the
    /// answer.
    /// </summary>
    public static void Remove(HttpResponseMessage answer)
    {
        if (!answer.Headers.NonValidated.TryGetValues(HeaderNames.Connection, out var options))
        {
            return;
        }

        foreach (var name in Named(options.ToArray()))
        {
            // Neither collection takes the name of a header that belongs to the other.
            if (name.Equals(HeaderNames.Upgrade, StringComparison.OrdinalIgnoreCase)
                || name.Equals(HeaderNames.ContentLength, StringComparison.OrdinalIgnoreCase))
            {
                continue;
            }

            if (answer.Headers.NonValidated.Contains(name))
            {
                answer.Headers.Remove(name);
            }
            else if (answer.Content.Headers.NonValidated.Contains(name))
            {
                answer.Content.Headers.Remove(name);
            }
        }
    }

    private static IEnumerable<string> Named(StringValues options) => options.SelectMany(static option =>
        (option ?? string.Empty).Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries));
}
