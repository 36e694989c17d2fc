using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Relay.Streams;

namespace Edge.Connections;

/// <summary>
/// What happens to every connection of a public listener before TLS and HTTP:
/// 1. it takes a place of the total, or is closed;
/// 2. from a trusted proxy, a PROXY header sets its addresses;
/// 3. its client takes a place of its address, or it is closed;
/// 4. its output is replaced by one that knows when bytes are in the kernel, and that can end alone.
/// One instance serves all listeners, so that they share the limits.
/// </summary>
internal sealed partial class EdgeConnections
{
    private readonly EdgeConnectionOptions _options;
    private readonly AccessMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ILogger<EdgeConnections> _logger;

    public EdgeConnections(EdgeConnectionOptions options, AccessMetrics metrics, TimeProvider time, ILogger<EdgeConnections> logger)
    {
        _options = options;
        _metrics = metrics;
        _time = time;
        _logger = logger;
        Counter = new ConnectionCounter(options.MaxConnections, options.MaxConnectionsPerAddress);
    }

    public ConnectionCounter Counter { get; }

    public async Task OnConnectionAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        if (!Counter.TryEnterTotal())
        {
            Refuse(connection, "total");
            return;
        }

        try
        {
            var peer = (connection.RemoteEndPoint as IPEndPoint)?.Address;
            var trusted = _options.TrustedProxies.Contains(peer);
            var announced = false;
            if (trusted)
            {
                if (await ReadProxyHeaderAsync(connection) is not { } header)
                {
                    Refuse(connection, "proxy_header");
                    return;
                }

                announced = header.Source is not null;
            }

            await CountAddressAsync(connection, next, exempt: trusted && !announced);
        }
        finally
        {
            Counter.LeaveTotal();
        }
    }

    private async Task CountAddressAsync(ConnectionContext connection, ConnectionDelegate next, bool exempt)
    {
        var client = exempt ? null : (connection.RemoteEndPoint as IPEndPoint)?.Address;
        if (client is not null && !Counter.TryEnterAddress(client))
        {
            Refuse(connection, "address");
            return;
        }

        try
        {
            await RunAsync(connection, next);
        }
        finally
        {
            if (client is not null)
            {
                Counter.LeaveAddress(client);
            }
        }
    }

    private async Task RunAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        // Transports without a socket (named pipes, tests in memory) keep the output that they have.
        if (connection.Features.Get<IConnectionSocketFeature>()?.Socket is not { } socket)
        {
            await next(connection);
            return;
        }

        try
        {
            TcpLiveness.Apply(socket);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            LogNoTuning(connection.ConnectionId, e);
        }

        var transport = connection.Transport;
        var output = new SocketOutput(
            socket,
            connection.Features.Get<IMemoryPoolFeature>()?.MemoryPool ?? System.Buffers.MemoryPool<byte>.Shared,
            e => connection.Abort(new ConnectionAbortedException("The client is gone.", e)));
        connection.Transport = new Duplex(transport.Input, output);
        var halfClose = new HalfClose(connection, output);
        connection.Features.Set<IHalfCloseFeature>(halfClose);

        // The transport says "closed" when the client has ended its direction, and the HTTP layer then ends the other one too.
        var transportClosed = connection.ConnectionClosed;
        using var closed = new CancellationTokenSource();
        connection.ConnectionClosed = closed.Token;
        var relay = transportClosed.Register(() =>
        {
            if (!halfClose.IsTakenOver)
            {
                closed.Cancel();
            }
        });
        try
        {
            await next(connection);
        }
        finally
        {
            await relay.DisposeAsync();
            connection.ConnectionClosed = transportClosed;
            await output.FinishAsync();

            // Kestrel closes the socket when its own output ends.
            await transport.Output.CompleteAsync(output.Fault);
        }
    }

    /// <summary>The header, one of length 0 when the proxy sends none, or null when the connection is to be closed.</summary>
    private async Task<ProxyHeader?> ReadProxyHeaderAsync(ConnectionContext connection)
    {
        using var timeout = new CancellationTokenSource(_options.ProxyHeaderTimeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(
            timeout.Token,
            connection.Features.Get<IConnectionLifetimeNotificationFeature>()?.ConnectionClosedRequested ?? CancellationToken.None);
        var input = connection.Transport.Input;
        try
        {
            while (true)
            {
                var read = await input.ReadAsync(either.Token);
                if (read.IsCanceled)
                {
                    return null;
                }

                var status = ProxyHeader.TryParse(read.Buffer, out var header);
                switch (status)
                {
                    case ProxyHeaderStatus.Done:
                        input.AdvanceTo(read.Buffer.GetPosition(header.Length));
                        connection.RemoteEndPoint = header.Source ?? connection.RemoteEndPoint;
                        connection.LocalEndPoint = header.Destination ?? connection.LocalEndPoint;
                        return header;
                    case ProxyHeaderStatus.None:
                        input.AdvanceTo(read.Buffer.Start);
                        return default(ProxyHeader);
                    case ProxyHeaderStatus.NeedMore when !read.IsCompleted:
                        input.AdvanceTo(read.Buffer.Start, read.Buffer.End);
                        break;
                    default:
                        input.AdvanceTo(read.Buffer.End);
                        return null;
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // The time is up, the server stops, or the peer is gone.
            LogNoProxyHeader(connection.ConnectionId, e.GetType().Name);
            return null;
        }
    }

    private void Refuse(ConnectionContext connection, string reason)
    {
        _metrics.ConnectionRefused(reason);
        LogRefused(connection.ConnectionId, reason);
        connection.Abort(new ConnectionAbortedException("The connection was refused."));
    }

    private sealed class Duplex(PipeReader input, PipeWriter output) : IDuplexPipe
    {
        public PipeReader Input => input;

        public PipeWriter Output => output;
    }
}
