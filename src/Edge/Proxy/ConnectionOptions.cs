using Edge.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace Edge.Proxy;

/// <summary>
/// Removes the headers that <c>Connection</c> names: they belong to the client's connection (RFC 9110 §7.6.1). This comes before
/// anything else reads or adds a header, so that a client cannot name one that the edge or an operator's transform adds.
/// </summary>
internal static class ConnectionOptions
{
    /// <summary>
    /// Headers that stay, because the edge reads them or a trusted proxy has added them. They are meant for every recipient, so
    /// <c>Connection</c> must not name them (§7.6.1). Without them the API server would see another request than the edge.
    /// </summary>
    private static readonly HashSet<string> Protected = new(StringComparer.OrdinalIgnoreCase)
    {
        HeaderNames.Host, HeaderNames.ContentLength, HeaderNames.TransferEncoding, HeaderNames.Connection, HeaderNames.Upgrade,
        HeaderNames.SecWebSocketKey, HeaderNames.SecWebSocketVersion, HeaderNames.SecWebSocketProtocol, HeaderNames.SecWebSocketExtensions,
        HeaderNames.Authorization, HeaderNames.Cookie, "Coder-Session-Token", "Coder-External-Proxy-Token", "X-Request-ID",
    };

    public static Task RemoveAsync(HttpContext context, RequestDelegate next)
    {
        // Other options than these were handled by Kestrel already.
        foreach (var value in context.Request.Headers.Connection)
        {
            if (ConnectionField.HasSuffix(value))
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
            if (!Protected.Contains(name) && !ForwardedOrigin.IsForwardingHeader(name))
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
    /// Removes them from an API server's response. <c>Content-Length</c> was used by the HTTP client already, and <c>Upgrade</c> is for
    /// the code that forwards the response.
    /// </summary>
    public static void Remove(HttpResponseMessage answer)
    {
        if (!answer.Headers.NonValidated.TryGetValues(HeaderNames.Connection, out var options))
        {
            return;
        }

        foreach (var name in Named(options.ToArray()))
        {
            // Each of the two collections throws for a header that belongs to the other.
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
