using System.Net;
using System.Text;
using Edge.Listeners;
using Edge.Telemetry;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using Relay.Derp;
using Relay.Streams;
using Relay.Streams.Wire;

namespace Edge.Derp;

/// <summary>
/// Serves DERP: recognises the ways in which clients ask for it (derp.md §1.2–§1.4), answers each, and hands the connection
/// over to the relay. This comes before authentication: only admission decides about DERP.
/// </summary>
internal sealed partial class DerpMiddleware(RequestDelegate next, DerpServer server, TimeProvider time, ILogger<DerpMiddleware> logger)
{
    private const string Subprotocol = "derp";

    // A WebSocket close frame with status 1008 and derper's reason.
    private static readonly byte[] WrongSubprotocol = [0x88, 2 + 38, 0x03, 0xf0, .. "client must speak the derp subprotocol"u8];

    // The time to send the last bytes.
    private static readonly TimeSpan FinishTimeout = TimeSpan.FromSeconds(2);

    public Task InvokeAsync(HttpContext context)
    {
        var path = context.Request.Path.Value ?? string.Empty;
        return DerpPages.Answer(context)
            ?? (path is "/derp" || path.StartsWith("/derp/", StringComparison.Ordinal) ? UpgradeAsync(context) : next(context));
    }

    private Task UpgradeAsync(HttpContext context)
    {
        var request = context.Request;
        var wanted = request.Headers.Upgrade.ToString();
        var isWebSocket = wanted.Equals("websocket", StringComparison.OrdinalIgnoreCase);
        if (!isWebSocket && !wanted.Equals("derp", StringComparison.OrdinalIgnoreCase))
        {
            return RequireUpgradeAsync(context);
        }

        // An upgrade to "websocket" without the subprotocol is raw DERP: some clients cannot ask for another protocol (§1.2 rule 3).
        var speaksWebSocket = isWebSocket
            && request.Headers.SecWebSocketProtocol is [{ } first, ..]
            && first.Contains(Subprotocol, StringComparison.Ordinal);
        return context.Features.Get<IHttpUpgradeFeature>() is { IsUpgradableRequest: true } upgrade
            ? speaksWebSocket ? ServeWebSocketAsync(context, upgrade) : ServeRawAsync(context, upgrade)
            : !speaksWebSocket && OwnsConnection(context) ? ServeRawAsync(context, null)
            : RequireUpgradeAsync(context);
    }

    // DERP checks neither the HTTP version nor "Connection" (§1.2 rule 2), so an upgrade may be one that Kestrel does not recognise. It is
    // not served on HTTP/2, where other requests share the connection, and not with a request body.
    private static bool OwnsConnection(HttpContext context) =>
        (HttpProtocol.IsHttp11(context.Request.Protocol) || HttpProtocol.IsHttp10(context.Request.Protocol))
        && context.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: false };

    private static Task RequireUpgradeAsync(HttpContext context)
    {
        context.Response.StatusCode = StatusCodes.Status426UpgradeRequired;
        context.Response.ContentType = "text/plain; charset=utf-8";
        context.Response.Headers.XContentTypeOptions = "nosniff";
        return DerpPages.WriteAsync(context, "DERP requires connection upgrade\n"u8.ToArray());
    }

    // Kestrel sends the 101 only for upgrades that it recognises. For others it is the preface that the relay sends.
    private async Task ServeRawAsync(HttpContext context, IHttpUpgradeFeature? upgrade)
    {
        // The client knows the server's key from the meta-certificate, and expects no answer (§1.3).
        var isFastStart = context.Request.Headers["Derp-Fast-Start"] == "1";
        var isAnswered = !isFastStart && upgrade is not null;
        byte[] preface = isFastStart || isAnswered ? [] : SwitchingProtocols();
        context.Features.GetRequiredFeature<IConnectionDetachFeature>().TakeOver();
        if (isAnswered)
        {
            var headers = context.Response.Headers;
            headers.Upgrade = "DERP";
            headers["Derp-Version"] = "2";
            headers["Derp-Public-Key"] = server.PublicKey.ToHex();
            await upgrade!.UpgradeAsync();
        }

        var connection = context.Features.GetRequiredFeature<IConnectionDetachFeature>();
        var (remote, isNotIdeal) = (Remote(context), !string.IsNullOrEmpty(context.Request.Headers["Ideal-Node"]));
        StreamTelemetry.DetachStream(context);
        connection.TryDetach(Detached(preface, remote, isNotIdeal, context.TraceIdentifier));
        if (!isAnswered)
        {
            // Kestrel must not send a response to a request that has none.
            context.Abort();
        }
    }

    private byte[] SwitchingProtocols() => Encoding.ASCII.GetBytes(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: DERP\r\nConnection: Upgrade\r\n"
        + $"Derp-Version: 2\r\nDerp-Public-Key: {server.PublicKey.ToHex()}\r\n\r\n");

    private async Task ServeWebSocketAsync(HttpContext context, IHttpUpgradeFeature upgrade)
    {
        var key = context.Request.Headers.SecWebSocketKey.ToString();
        if (context.Request.Headers.SecWebSocketVersion != "13" || key.Length != 24)
        {
            context.Response.Headers.SecWebSocketVersion = "13";
            context.Response.StatusCode = StatusCodes.Status400BadRequest;
            await context.Response.WriteAsync("a WebSocket handshake of version 13 is needed\n");
            return;
        }

        context.Features.GetRequiredFeature<IConnectionDetachFeature>().TakeOver();
        var headers = context.Response.Headers;
        headers.Upgrade = "websocket";
        headers.SecWebSocketAccept = WebSocketAccept.For(key);
        var speaksDerp = context.Request.Headers.GetCommaSeparatedValues("Sec-WebSocket-Protocol")
            .Contains(Subprotocol, StringComparer.OrdinalIgnoreCase);
        if (speaksDerp)
        {
            headers.SecWebSocketProtocol = Subprotocol;
        }

        await upgrade.UpgradeAsync();
        if (!speaksDerp)
        {
            // A subprotocol such as "derpx" is answered like derp and then closed, as derper does (§1.4).
            var pipe = context.Features.GetRequiredFeature<IConnectionTransportFeature>().Transport;
            await pipe.Output.WriteAsync(WrongSubprotocol);
            await pipe.Output.CompleteAsync();
            await pipe.Input.CompleteAsync();
            return;
        }

        var connection = context.Features.GetRequiredFeature<IConnectionDetachFeature>();
        var remote = Remote(context);
        StreamTelemetry.DetachStream(context);
        connection.TryDetach(DetachedWebSocket(remote, context.TraceIdentifier));
    }

    // Separate methods, because a lambda inside the handlers would keep their locals alive, and with them the request.
    private Func<SocketTransport, Task> Detached(byte[] preface, IPEndPoint? remote, bool isNotIdeal, string requestId) => async socket =>
    {
        server.Tune(socket.Socket);
        if (socket.IsTls)
        {
            await RunAsync(
                new DerpTransport(socket.Input, new DerpPipeOutput(socket.Output))
                {
                    Preface = preface,
                    RemoteEndPoint = remote,
                    IsNotIdeal = isNotIdeal,
                    Established = socket.BeginRelay,
                },
                requestId);
            await socket.FinishAsync(FinishTimeout, time);
            return;
        }

        using var output = new DerpSocketOutput(socket.Socket);
        var transport = new DerpTransport(socket.Input, output)
        {
            Preface = preface,
            RemoteEndPoint = remote,
            IsNotIdeal = isNotIdeal,
            Established = socket.BeginRelay,
        };
        await RunAsync(transport, requestId);
    };

    private Func<SocketTransport, Task> DetachedWebSocket(IPEndPoint? remote, string requestId) => async socket =>
    {
        server.Tune(socket.Socket);
        await RunAsync(DerpTransport.ForWebSocket(socket.Input, socket.Output, remote, socket.BeginRelay), requestId);
        await socket.FinishAsync(FinishTimeout, time);
    };

    private async Task RunAsync(DerpTransport transport, string requestId)
    {
        var reason = await server.RunAsync(transport, CancellationToken.None);
        LogEnded(logger, reason, requestId);
    }

    private static IPEndPoint? Remote(HttpContext context) =>
        context.Connection.RemoteIpAddress is { } address
            ? new IPEndPoint(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address, context.Connection.RemotePort)
            : null;

    [LoggerMessage(EventId = 1011, Level = LogLevel.Debug, Message = "A DERP connection ended: {Reason}; request id {RequestId}")]
    private static partial void LogEnded(ILogger logger, DerpCloseReason reason, string requestId);
}
