using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using Edge.Derp;
using Relay.Derp;

namespace Edge.TailnetNode;

/// <summary>
/// An open connection to a relay, on which DERP begins: an upgraded one, or a WebSocket where a proxy refuses the upgrade.
/// </summary>
internal sealed class RelayConnection : IAsyncDisposable
{
    // As other DERP clients do. Subprotocol and path are those of derp.md §1.4.
    private const string Protocol = "derp";
    private const string Path = "/derp";

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);

    private readonly IAsyncDisposable _owner;

    private RelayConnection(DerpTransport transport, IAsyncDisposable owner) => (Transport, _owner) = (transport, owner);

    public DerpTransport Transport { get; }

    /// <summary>Connects by the HTTP upgrade, or by WebSocket after an answer of 4xx.</summary>
    /// <exception cref="IOException">The connection failed; the message gives the reason.</exception>
    /// <exception cref="OperationCanceledException">The caller has cancelled.</exception>
    public static async Task<RelayConnection> OpenAsync(DerpTarget target, TimeProvider time, CancellationToken cancellation)
    {
        try
        {
            var socket = await DerpDialer.ConnectAsync(target, null, time, cancellation);
            return new RelayConnection(DerpDialer.TransportOf(socket), socket);
        }
        catch (UpgradeRefusedException refused) when (refused.Status is >= 400 and < 500)
        {
            return await OpenWebSocketAsync(target, time, cancellation) ?? throw new IOException(refused.Message, refused);
        }
    }

    public ValueTask DisposeAsync() => _owner.DisposeAsync();

    /// <summary>Connects by WebSocket; null when that is refused too.</summary>
    private static async Task<RelayConnection?> OpenWebSocketAsync(DerpTarget target, TimeProvider time, CancellationToken cancellation)
    {
        using var timeout = new CancellationTokenSource(Timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellation);
        using var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            AllowAutoRedirect = false,
            ConnectCallback = async (_, connecting) =>
            {
                var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                try
                {
                    await socket.ConnectAsync(new DnsEndPoint(target.DialHost, target.Port), connecting);
                    return new NetworkStream(socket, ownsSocket: true);
                }
                catch
                {
                    socket.Dispose();
                    throw;
                }
            },
        };
        if (target.Tls is { } tls)
        {
            handler.SslOptions = tls;
        }

        using var invoker = new HttpMessageInvoker(handler);
        var web = new ClientWebSocket();
        web.Options.AddSubProtocol(Protocol);
        if (target.Token is { } token)
        {
            web.Options.SetRequestHeader("Authorization", "Bearer " + token);
        }

        try
        {
            await web.ConnectAsync(new Uri($"{(target.Tls is null ? "ws" : "wss")}://{target.Authority}{Path}"), invoker, either.Token);
        }
        catch (Exception error) when (error is WebSocketException or OperationCanceledException)
        {
            web.Dispose();
            cancellation.ThrowIfCancellationRequested();
            return null;
        }

        var stream = WebSocketStream.Create(web, WebSocketMessageType.Binary, ownsWebSocket: true);
        var transport = new DerpTransport(PipeReader.Create(stream), new DerpPipeOutput(PipeWriter.Create(stream)));
        return new RelayConnection(transport, stream);
    }
}
