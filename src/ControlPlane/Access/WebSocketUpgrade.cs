using System.Net.WebSockets;
using ControlPlane.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Access;

/// <summary>Accepts WebSockets under the rules of tailnet.md §1.4: no compression, pings from the server. See also <see cref="SameOrigin"/>.</summary>
internal static class WebSocketUpgrade
{
    /// <summary>Whether the request is a handshake; one that is none is answered with 426.</summary>
    public static async Task<bool> IsHandshakeAsync(HttpContext context)
    {
        if (context.WebSockets.IsWebSocketRequest)
        {
            return true;
        }

        if (HttpProtocol.IsHttp11(context.Request.Protocol))
        {
            // With "Upgrade" alone Kestrel would close the connection without saying so: with a reset where a body lies unread, and under
            // the client's next request.
            context.Response.Headers.Connection = "Upgrade, keep-alive";
            context.Response.Headers.Upgrade = "websocket";
        }

        await context.WriteAsync(
            StatusCodes.Status426UpgradeRequired,
            new ApiError("Failed to accept websocket.", "This needs a WebSocket handshake of version 13 over HTTP/1.1."));
        return false;
    }

    /// <summary>The socket, or null once a refusal has been answered.</summary>
    /// <param name="context">The request.</param>
    /// <param name="options">How often to ping, and how long a pong may take.</param>
    /// <param name="ping">False where another layer looks after the peer.</param>
    /// <param name="pongTimeout">How long a pong may take; null for the options' time.</param>
    public static async Task<WebSocket?> AcceptAsync(HttpContext context, ControlPlaneOptions options, bool ping = true, TimeSpan? pongTimeout = null)
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
        EndMeasuring(context);
        if (context.Features.Get<StreamAccess>() is { } access)
        {
            var revocable = new RevocableWebSocket(socket);
            context.Response.RegisterForDispose(context.RequestServices.GetRequiredService<OpenStreams>().Add(access, revocable));
            return revocable;
        }

        return socket;
    }

    // The request ends with the handshake: a stream of hours is no request's duration, and holds no span open.
    private static void EndMeasuring(HttpContext context)
    {
        if (context.Features.Get<IHttpMetricsTagsFeature>() is { } metrics)
        {
            metrics.MetricsDisabled = true;
        }

        context.Features.Get<IHttpActivityFeature>()?.Activity.Stop();
    }
}
