using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Relay.Connections;
using Relay.Streams;

namespace Edge.Listeners;

/// <summary>
/// The steps of every connection of a public listener before TLS and HTTP:
/// 1. The connection counts against the total limit, or is closed.
/// 2. A PROXY header from a trusted proxy sets the connection's addresses.
/// 3. The client counts against the limit of its address, or the connection is closed.
/// 4. TLS and HTTP serve the connection until it ends or a stream takes its socket. A stream keeps the connection's place
/// in both limits.
/// One instance serves all listeners, which therefore share the limits.
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

    /// <summary>The connections whose sockets streams have taken. They still count against the limits.</summary>
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

    /// <summary>Resets the connections of streams when the host stops.</summary>
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
            // Nothing else owns the socket any more.
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

    /// <summary>The header, with length 0 when the proxy sends none; null when the connection has to be closed.</summary>
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
            // The timeout elapsed, the server stops, or the peer has closed the connection.
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

    /// <summary>Logs the first refusal of a reason, and then one line a minute: a flood must not fill the log.</summary>
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
            "address" => $"the client's address has Edge:Limits:MaxConnectionsPerAddress = {_options.MaxConnectionsPerAddress} open",
            _ => "a trusted proxy sent a broken PROXY header, or none of it in time",
        });
    }
}
