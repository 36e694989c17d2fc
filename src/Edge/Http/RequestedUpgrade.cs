using Microsoft.AspNetCore.Http.Features;
using Relay.Streams;

namespace Edge.Http;

/// <summary>The upgrade that a client requests.</summary>
/// <param name="Protocol">The protocol's name for the request to an API server.</param>
/// <param name="IsExtendedConnect">Whether it is an extended CONNECT of HTTP/2 (RFC 8441), which has no 101.</param>
internal readonly record struct RequestedUpgrade(string Protocol, bool IsExtendedConnect)
{
    private const string WebSocket = "websocket";

    private const string Derp = "DERP";

    // The ends of the paths of streams, and the route in metrics. The first three are for tailnet coordination.
    private static readonly (string End, string Route)[] Routes =
    [
        ("/coordinate", "coordinate"),
        ("/me/rpc", "rpc"),
        ("/api/v2/tailnet", "tailnet"),
        ("/derp-map", "derp-map"),
        ("/pty", "pty"),
        ("/tcp", "tcp"),
        ("/logs", "logs"),
        ("/startup-logs", "logs"),
        ("/derp", "derp"),
    ];

    /// <summary>
    /// The upgrade of a request to a protocol of streams; null for other requests. A request with a body is no upgrade: its bytes
    /// after the head are no stream. YARP forwards it without <c>Upgrade</c>.
    /// </summary>
    public static RequestedUpgrade? Recognise(HttpContext context)
    {
        if (context.Features.Get<IHttpExtendedConnectFeature>() is { IsExtendedConnect: true } connect)
        {
            return WebSocket.Equals(connect.Protocol, StringComparison.OrdinalIgnoreCase) ? new RequestedUpgrade(WebSocket, true) : null;
        }

        if (!HttpProtocol.IsHttp11(context.Request.Protocol)
            || !HttpMethods.IsGet(context.Request.Method)
            || context.Features.Get<IHttpUpgradeFeature>() is not { IsUpgradableRequest: true })
        {
            return null;
        }

        var wanted = context.Request.Headers.Upgrade.ToString();
        return WebSocket.Equals(wanted, StringComparison.OrdinalIgnoreCase) ? new RequestedUpgrade(WebSocket, false)
            : Derp.Equals(wanted, StringComparison.OrdinalIgnoreCase) ? new RequestedUpgrade(Derp, false)
            : null;
    }

    /// <summary>The kind and the route of a stream at <paramref name="path"/>.</summary>
    public static StreamInfo Describe(PathString path, StreamFraming framing)
    {
        var text = path.Value ?? string.Empty;
        var route = Routes.FirstOrDefault(route => text.EndsWith(route.End, StringComparison.OrdinalIgnoreCase)).Route ?? "other";
        var kind = route is "coordinate" or "rpc" or "tailnet" ? StreamKind.Coordination : StreamKind.Other;
        return new StreamInfo(kind, framing, route);
    }
}
