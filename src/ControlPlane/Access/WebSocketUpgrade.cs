using System.Net.WebSockets;
using ControlPlane.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Access;

/// <summary>
/// Accepts WebSockets by the rules of tailnet.md §1.4: no compression, and pings from the server. See also <see cref="SameOrigin"/>.
/// </summary>
internal static class WebSocketUpgrade
{
    /// <summary>Whether the request is a WebSocket handshake. Any other request is answered with 426.</summary>
    public static async Task<bool> IsHandshakeAsync(HttpContext context)
    {
        if (context.WebSockets.IsWebSocketRequest)
        {
            return true;
        }

        if (HttpProtocol.IsHttp11(context.Request.Protocol))
        {
            // With "Upgrade" alone, Kestrel closes the connection without announcing it: it resets a connection with an unread body, and
            // the client's next request is lost.
            context.Response.Headers.Connection = "Upgrade, keep-alive";
            context.Response.Headers.Upgrade = "websocket";
        }

        await context.WriteAsync(
            StatusCodes.Status426UpgradeRequired,
            new ApiError("Failed to accept websocket.", "This needs a WebSocket handshake of version 13 over HTTP/1.1."));
        return false;
    }

    /// <summary>Accepts the WebSocket, or answers the request with an error.</summary>
    /// <param name="context">The request.</param>
    /// <param name="options">The ping interval and the pong timeout.</param>
    /// <param name="ping">False where another protocol layer sends keep-alives.</param>
    /// <param name="pongTimeout">A pong timeout in place of the options' one.</param>
    /// <returns>The WebSocket; null after an error.</returns>
    public static async Task<WebSocket?> AcceptAsync(
        HttpContext context, ControlPlaneOptions options, bool ping = true, TimeSpan? pongTimeout = null)
    {
        if (!await IsHandshakeAsync(context))
        {
            return null;
        }

        var socket = await context.WebSockets.AcceptWebSocketAsync(new WebSocketAcceptContext
        {
            DangerousEnableCompression = false,
            KeepAliveInterval = ping ? options.WebSocketPingInterval : Timeout.InfiniteTimeSpan,
            KeepAliveTimeout = ping ? pongTimeout ?? options.WebSocketPongTimeout : Timeout.InfiniteTimeSpan,
        });
        EndTelemetry(context);
        if (context.Features.Get<StreamAccess>() is { } access)
        {
            var revocable = new RevocableWebSocket(socket);
            context.Response.RegisterForDispose(context.RequestServices.GetRequiredService<OpenStreams>().Add(access, revocable));
            return revocable;
        }

        return socket;
    }

    // A stream may last for hours. Its duration would distort the request metrics, and its span would stay open.
    private static void EndTelemetry(HttpContext context)
    {
        if (context.Features.Get<IHttpMetricsTagsFeature>() is { } metrics)
        {
            metrics.MetricsDisabled = true;
        }

        context.Features.Get<IHttpActivityFeature>()?.Activity.Stop();
    }
}
