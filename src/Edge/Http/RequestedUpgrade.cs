using Microsoft.AspNetCore.Http.Features;
using Relay.Streams;

namespace Edge.Http;

/// <summary>What a client wants to change the connection's protocol to.</summary>
/// <param name="Protocol">The protocol's name, as API servers are asked for it.</param>
/// <param name="IsExtendedConnect">HTTP/2's way of asking (RFC 8441), which has no 101.</param>
internal readonly record struct RequestedUpgrade(string Protocol, bool IsExtendedConnect)
{
    private const string WebSocket = "websocket";

    private const string Derp = "DERP";

    // The ends of the paths that streams have, and what a metric calls them. The first three coordinate tailnets.
    private static readonly (string End, string Route)[] Routes =
    [
        ("/coordinate", "coordinate"),
        ("/me/rpc", "rpc"),
        ("/api/v2/tailnet", "tailnet"),
        ("/derp-map", "derp-map"),
        ("/pty", "pty"),
        ("/logs", "logs"),
        ("/startup-logs", "logs"),
        ("/derp", "derp"),
    ];

    /// <summary>
    /// The upgrade that a request asks for, if it is one that streams carry; null for an ordinary request. One with a body is
    /// ordinary: what follows its head is no stream, and YARP forwards it without its <c>Upgrade</c>.
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

    /// <summary>What the relay needs to know of a stream at <paramref name="path"/>.</summary>
    public static StreamInfo Describe(PathString path, StreamFraming framing)
    {
        var text = path.Value ?? string.Empty;
        var route = Routes.FirstOrDefault(route => text.EndsWith(route.End, StringComparison.OrdinalIgnoreCase)).Route ?? "other";
        var kind = route is "coordinate" or "rpc" or "tailnet" ? StreamKind.Coordination : StreamKind.Other;
        return new StreamInfo(kind, framing, route);
    }
}
