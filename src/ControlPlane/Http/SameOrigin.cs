using Microsoft.AspNetCore.Http;

namespace ControlPlane.Http;

/// <summary>
/// Refuses cross-origin WebSockets and event streams. A browser sends this server's cookies with a WebSocket handshake from any page, and
/// the same-origin policy lets that page read the messages (RFC 6455 §10.2). <c>Origin</c> must name the <c>Host</c>. Clients other than
/// browsers send no <c>Origin</c>.
/// </summary>
internal static class SameOrigin
{
    private const string EventStream = "text/event-stream";

    /// <summary>The middleware. It runs before all routes, so that a refused request has no effect.</summary>
    public static Task InvokeAsync(HttpContext context, RequestDelegate next) => IsStreamRequest(context) && IsCrossOrigin(context.Request)
        ? context.WriteAsync(
            StatusCodes.Status403Forbidden,
            new ApiError(
                context.WebSockets.IsWebSocketRequest ? "Failed to accept websocket." : "Failed to open the event stream.",
                "The request's Origin is not authorized for its Host."))
        : next(context);

    /// <summary>Whether a web page of another origin sent the request.</summary>
    public static bool IsCrossOrigin(HttpRequest request)
    {
        var origin = request.Headers.Origin.ToString();
        return origin.Length > 0 && !string.Equals(HostOf(origin), request.Host.Value, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>
    /// The host and port of an origin, in its spelling. Empty for an opaque origin (<c>null</c>), which equals no <c>Host</c>.
    /// </summary>
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

    // A browser's EventSource always sends this Accept header.
    private static bool IsStreamRequest(HttpContext context) =>
        context.WebSockets.IsWebSocketRequest
        || context.Request.Headers.Accept.Any(static accept => accept?.Contains(EventStream, StringComparison.OrdinalIgnoreCase) is true);
}
