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
/// Ends DERP here: recognises how a client asks for it (derp.md §1.2–§1.4), answers as each way needs, and gives the raw
/// transport to the relay. Before tokens are looked at: admission alone decides about DERP.
/// </summary>
internal sealed partial class DerpMiddleware(RequestDelegate next, DerpServer server, TimeProvider time, ILogger<DerpMiddleware> logger)
{
    private const string Subprotocol = "derp";

    // A close frame: 1008, and derper's reason.
    private static readonly byte[] WrongSubprotocol = [0x88, 2 + 38, 0x03, 0xf0, .. "client must speak the derp subprotocol"u8];

    // How long a close frame may take to leave.
    private static readonly TimeSpan LastBytes = TimeSpan.FromSeconds(2);

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

        // Without the subprotocol it is DERP all the same, only raw: some clients can only say "websocket" (§1.2 rule 3).
        var speaksWebSocket = isWebSocket && request.Headers.SecWebSocketProtocol is [{ } first, ..] && first.Contains(Subprotocol, StringComparison.Ordinal);
        return context.Features.Get<IHttpUpgradeFeature>() is { IsUpgradableRequest: true } upgrade
            ? speaksWebSocket ? ServeWebSocketAsync(context, upgrade) : ServeRawAsync(context, upgrade)
            : !speaksWebSocket && OwnsConnection(context) ? ServeRawAsync(context, null)
            : RequireUpgradeAsync(context);
    }

    // What is no upgrade for HTTP may be one for DERP, which looks at neither version nor "Connection" (§1.2 rule 2). Not on HTTP/2, where the
    // connection is others' too, and not behind a body.
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

    // Without an upgrade the HTTP layer cannot answer with 101; the relay does then.
    private async Task ServeRawAsync(HttpContext context, IHttpUpgradeFeature? upgrade)
    {
        // The client knows the server's key from the certificate, and reads no answer (§1.3).
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
            // Nothing was answered, and nothing must be: the HTTP layer would begin a response now.
            context.Abort();
        }
    }

    private byte[] SwitchingProtocols() => Encoding.ASCII.GetBytes(
        $"HTTP/1.1 101 Switching Protocols\r\nUpgrade: DERP\r\nConnection: Upgrade\r\nDerp-Version: 2\r\nDerp-Public-Key: {server.PublicKey.ToHex()}\r\n\r\n");

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
        var speaksDerp = context.Request.Headers.GetCommaSeparatedValues("Sec-WebSocket-Protocol").Contains(Subprotocol, StringComparer.OrdinalIgnoreCase);
        if (speaksDerp)
        {
            headers.SecWebSocketProtocol = Subprotocol;
        }

        await upgrade.UpgradeAsync();
        if (!speaksDerp)
        {
            // Something like "derpx": taken for DERP, and then told that it is not (§1.4).
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

    // These two are apart from the request's methods, whose locals they would keep alive.
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
            await socket.FinishAsync(LastBytes, time);
            return;
        }

        using var output = new DerpSocketOutput(socket.Socket);
        await RunAsync(
            new DerpTransport(socket.Input, output) { Preface = preface, RemoteEndPoint = remote, IsNotIdeal = isNotIdeal, Established = socket.BeginRelay },
            requestId);
    };

    private Func<SocketTransport, Task> DetachedWebSocket(IPEndPoint? remote, string requestId) => async socket =>
    {
        server.Tune(socket.Socket);
        await RunAsync(DerpTransport.ForWebSocket(socket.Input, socket.Output, remote, socket.BeginRelay), requestId);
        await socket.FinishAsync(LastBytes, time);
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
