using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Relay.Connections;
using Relay.Streams;

namespace Edge.Listeners;

/// <summary>
/// What happens to every connection of a public listener before TLS and HTTP:
/// 1. it takes a place of the total, or is closed;
/// 2. from a trusted proxy, a PROXY header sets its addresses;
/// 3. its client takes a place of its address, or it is closed;
/// 4. TLS and HTTP have it, until it ends or a stream takes its socket; then it keeps its places, and the stream starts.
/// One instance serves all listeners, so that they share the limits.
/// </summary>
internal sealed partial class EdgeConnections : IDisposable
{
    private static readonly TimeSpan RefusalPeriod = TimeSpan.FromMinutes(1);

    private readonly EdgeConnectionOptions _options;
    private readonly AccessMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ILogger<EdgeConnections> _logger;
    private readonly Lock _refusalLock = new();
    private readonly Dictionary<string, (long? LoggedAt, long Count)> _refusals = [];

    public EdgeConnections(EdgeConnectionOptions options, AccessMetrics metrics, TimeProvider time, ILogger<EdgeConnections> logger)
    {
        _options = options;
        _metrics = metrics;
        _time = time;
        _logger = logger;
        Counter = new ConnectionCounter(options.MaxConnections, options.MaxConnectionsPerAddress);
        Detached = new DetachedConnections(logger, time);
    }

    public ConnectionCounter Counter { get; }

    /// <summary>The connections whose sockets streams have taken; they keep their places here.</summary>
    public DetachedConnections Detached { get; }

    public async Task OnConnectionAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        if (!Counter.TryEnterTotal())
        {
            Refuse(connection, "total");
            return;
        }

        var place = new ConnectionPlace(Counter);
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

            var client = trusted && !announced ? null : (connection.RemoteEndPoint as IPEndPoint)?.Address;
            if (client is not null && !place.TryEnterAddress(client))
            {
                Refuse(connection, "address");
                return;
            }

            Tune(connection);
            await next(connection);
        }
        finally
        {
            if (connection is SocketConnection { IsDetached: true, KeepsTls: false } socket)
            {
                StartDetached(socket, place);
            }
            else
            {
                place.Leave();
            }
        }
    }

    /// <summary>Resets what streams still have; the host stops.</summary>
    public void Dispose() => Detached.AbortAll();

    private void StartDetached(SocketConnection socket, ConnectionPlace place)
    {
        try
        {
            var (transport, session) = socket.TakeDetached();
            Detached.Start(transport, session, place.Leave);
        }
        catch
        {
            // Nobody else has the socket any more.
            socket.Socket.Dispose();
            place.Leave();
            throw;
        }
    }

    private void Tune(ConnectionContext connection)
    {
        try
        {
            if (connection.Features.Get<IConnectionSocketFeature>()?.Socket is { } socket)
            {
                TcpLiveness.Apply(socket);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            LogNoTuning(connection.ConnectionId, e);
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
        CountRefusal(reason);
        connection.Abort(new ConnectionAbortedException("The connection was refused."));
    }

    /// <summary>A line for the first one of a reason, and then one a minute: a flood must not fill the log.</summary>
    private void CountRefusal(string reason)
    {
        long count;
        lock (_refusalLock)
        {
            var (loggedAt, before) = _refusals.GetValueOrDefault(reason);
            var isDue = loggedAt is not { } at || _time.GetElapsedTime(at) >= RefusalPeriod;
            count = before + 1;
            _refusals[reason] = isDue ? (_time.GetTimestamp(), 0) : (loggedAt, count);
            if (!isDue)
            {
                return;
            }
        }

        LogRefusals(count, reason switch
        {
            "total" => $"Edge:Limits:MaxConnections = {_options.MaxConnections} are open",
            "address" => $"its address has Edge:Limits:MaxConnectionsPerAddress = {_options.MaxConnectionsPerAddress} open",
            _ => "a trusted proxy's first bytes were a broken PROXY header, or did not come",
        });
    }
}
