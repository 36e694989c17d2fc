using Microsoft.AspNetCore.Http;

namespace ControlPlane.Http;

/// <summary>
/// Refuses streams to web pages of other sites, before anything else is looked at: a browser sends this server's cookies with a WebSocket
/// handshake from any page, and the same-origin policy does not keep the page from reading what comes (RFC 6455 §10.2). <c>Origin</c> must name
/// the <c>Host</c>. Clients that are no browsers send no <c>Origin</c>.
/// </summary>
internal static class SameOrigin
{
    private const string EventStream = "text/event-stream";

    /// <summary>Middleware for all routes, so that no route can do its work first.</summary>
    public static Task InvokeAsync(HttpContext context, RequestDelegate next) => AsksForStream(context) && IsForeign(context.Request)
        ? context.WriteAsync(
            StatusCodes.Status403Forbidden,
            new ApiError(
                context.WebSockets.IsWebSocketRequest ? "Failed to accept websocket." : "Failed to open the event stream.",
                "The request's Origin is not authorized for its Host."))
        : next(context);

    /// <summary>Whether a web page of another site has sent it.</summary>
    public static bool IsForeign(HttpRequest request)
    {
        var origin = request.Headers.Origin.ToString();
        return origin.Length > 0 && !string.Equals(HostOf(origin), request.Host.Value, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>Host and port as spelt in an origin; empty for an opaque one (<c>null</c>), which equals no Host.</summary>
    internal static string HostOf(string origin)
    {
        var start = origin.IndexOf("://", StringComparison.Ordinal);
        if (start < 0)
        {
            return "";
        }

        var rest = origin[(start + 3)..];
        var end = rest.AsSpan().IndexOfAny('/', '?', '#');
        var authority = end < 0 ? rest : rest[..end];
        return authority[(authority.LastIndexOf('@') + 1)..];
    }

    // EventSource sends this Accept always.
    private static bool AsksForStream(HttpContext context) =>
        context.WebSockets.IsWebSocketRequest
        || context.Request.Headers.Accept.Any(static accept => accept?.Contains(EventStream, StringComparison.OrdinalIgnoreCase) is true);
}
