using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Relay.Connections;
using Relay.Derp.Connections;
using Relay.Derp.Queues;
using Relay.Derp.Wire;

namespace Relay.Derp;

/// <summary>
/// A DERP server: relays packets between the clients whose connections the host passes to it (derp.md §3). It has no listener of its own.
/// </summary>
/// <remarks>
/// 1. <see cref="RunAsync"/> does the handshake, admits the client and adds its connection to the registry.
/// 2. The connection's reader cuts a batch of bytes into frames, puts each packet into its receiver's queue under the receiver's lock, and
///    drains each of these receivers once at the end of the batch. A reader never waits for a receiver.
/// 3. If a receiver's output is full, the output's callback drains the queue later. Meanwhile the queue drops its oldest packets.
/// 4. One heartbeat serves all connections: keep-alives, pings and deadlines.
/// </remarks>
public sealed class DerpServer : IDisposable
{
    private readonly NodePrivateKey _key;
    private readonly DerpServerOptions _options;
    private readonly QueueLimits _limits;
    private readonly DerpHeartbeat _heartbeat;
    private readonly ConnectionCounter _places;
    private DerpRateLimit _rateLimit = DerpRateLimit.None;
    private MeshKey? _meshKey;
    private long _lastId;
    private int _meshLinks;
    private int _isDrained;

    /// <summary>Creates a server.</summary>
    /// <param name="key">The server's key.</param>
    /// <param name="options">The limits; read once.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Gets unhandled exceptions of the heartbeat; null for none.</param>
    public DerpServer(NodePrivateKey key, DerpServerOptions options, TimeProvider time, ILogger? logger = null)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(time);
        (_key, _options, Time) = (key, options, time);
        _limits = new QueueLimits(options.QueueDepth, options.QueueBytes);
        Registry = new DerpRegistry(Totals);
        Pool = new ChunkPool(options.QueueBytesTotal);
        TotalRate = new TotalRate(time);
        _places = new ConnectionCounter(options.MaxConnections, options.MaxConnectionsPerAddress);
        ServerKeyFrame = DerpHandshake.ServerKey(key.PublicKey);
        _heartbeat = new DerpHeartbeat(options, Totals, time, logger ?? NullLogger.Instance);
    }

    /// <summary>The server's public key.</summary>
    public NodeKey PublicKey => _key.PublicKey;

    /// <summary>
    /// Decides on every client without the mesh key, within the time of the handshake. Without this callback every client is admitted.
    /// </summary>
    public Func<DerpAdmissionRequest, CancellationToken, ValueTask<bool>>? Admission { get; init; }

    /// <summary>The mesh's secret, or null for no mesh. May change at any time; open connections keep their role.</summary>
    public MeshKey? MeshKey
    {
        get => Volatile.Read(ref _meshKey);
        set => Volatile.Write(ref _meshKey, value);
    }

    /// <summary>The rate limit of each client. May change at any time; each client then starts with a full token bucket.</summary>
    public DerpRateLimit RateLimit
    {
        get => Volatile.Read(ref _rateLimit);
        set => Volatile.Write(ref _rateLimit, value);
    }

    /// <summary>Connected clients and mesh peers after their handshakes.</summary>
    public int Connections => Registry.Connections;

    /// <summary>
    /// Whether another server of the mesh is up: there is a link to it, or one from it. The clients of both servers then reach each other
    /// while this server's clients move there. A connection with the mesh key and <c>isProber</c> is no such link.
    /// </summary>
    public bool HasMeshMember =>
        Volatile.Read(ref _meshLinks) > 0
        || Registry.All.Any(static connection => connection.IsMeshPeer && !connection.Flags.HasFlag(PeerFlags.Prober));

    internal TimeProvider Time { get; }

    internal DerpRegistry Registry { get; }

    internal DerpTotals Totals { get; } = new();

    internal ChunkPool Pool { get; }

    internal TotalRate TotalRate { get; }

    internal DerpServerOptions Options => _options;

    internal NodePrivateKey Key => _key;

    internal byte[] ServerKeyFrame { get; }

    internal ClosedConnections Closed { get; } = new();

    /// <summary>Serves a connection until it ends. No behaviour of the client or the network causes an exception.</summary>
    /// <param name="transport">The connection. The server completes its input and output; the host closes the socket.</param>
    /// <param name="cancellationToken">Ends the connection at once.</param>
    /// <returns>Why the connection ended.</returns>
    public async Task<DerpCloseReason> RunAsync(DerpTransport transport, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(transport);
        Totals.Count(DerpCount.Accepts);
        Totals.Count(DerpCount.WebSocketAccepts, transport.WebSocket is null ? 0 : 1);
        var session = new DerpSession(this, transport);
        var reason = DerpCloseReason.TooManyConnections;
        if (transport.IsInProcess)
        {
            reason = await session.RunAsync(_heartbeat, cancellationToken).ConfigureAwait(false);
        }
        else if (!_places.TryEnterTotal())
        {
            await session.RefuseAsync().ConfigureAwait(false);
        }
        else
        {
            var place = new ConnectionPlace(_places);
            try
            {
                if (transport.RemoteEndPoint is { } remote && !place.TryEnterAddress(remote.Address))
                {
                    await session.RefuseAsync().ConfigureAwait(false);
                }
                else
                {
                    reason = await session.RunAsync(_heartbeat, cancellationToken).ConfigureAwait(false);
                }
            }
            finally
            {
                // Also after an exception: a place that is not given back stays occupied until the process ends.
                place.Leave();
            }
        }

        Closed.Count(reason);
        return reason;
    }

    /// <summary>Closes every connection of a key, for instance because the key is no longer admitted.</summary>
    /// <param name="key">The key.</param>
    /// <returns>The number of closed connections.</returns>
    public int CloseKey(NodeKey key) => CloseKey(key, DerpCloseReason.Revoked);

    /// <summary>Closes every connection that has used the mesh key, for instance because the key has changed.</summary>
    /// <returns>The number of closed connections.</returns>
    public int CloseMeshPeers()
    {
        var closed = 0;
        foreach (var connection in Registry.All)
        {
            closed += connection.IsMeshPeer && connection.BeginClose(DerpCloseReason.Revoked) ? 1 : 0;
        }

        return closed;
    }

    /// <summary>
    /// Sets <see cref="DerpServerOptions.TcpUserTimeout"/> on the socket under a connection: unacknowledged bytes then end the connection,
    /// which detects a half-open client that packets are sent to. Does nothing to sockets that are not TCP, or broken.
    /// </summary>
    /// <param name="socket">The socket.</param>
    public void Tune(Socket socket) => TcpUserTimeout.Apply(socket, _options.TcpUserTimeout);

    /// <summary>Sets the rate limit of all clients together. Each call fills the token bucket.</summary>
    /// <param name="limit">The rate.</param>
    public void SetTotalRateLimit(DerpRateLimit limit)
    {
        ArgumentNullException.ThrowIfNull(limit);
        TotalRate.Set(limit);
    }

    /// <summary>Sends a Restarting frame to every client (derp.md §2.2).</summary>
    /// <param name="reconnectIn">The time after which clients should reconnect.</param>
    /// <param name="tryFor">How long clients should try.</param>
    public void SendRestarting(TimeSpan reconnectIn, TimeSpan tryFor)
    {
        Span<byte> frame = stackalloc byte[DerpFrames.MaxControl];
        var bytes = frame[..DerpFrames.Restarting(frame, reconnectIn, tryFor)].ToArray();
        foreach (var connection in Registry.All)
        {
            connection.SendNotice(bytes);
        }
    }

    /// <summary>
    /// Closes all clients, evenly over a window, so that they do not all reconnect to another server at once. Mesh peers are closed after
    /// the last client, so that the remaining clients stay reachable. Without another server of the mesh that is up, clients have nowhere
    /// to go: as soon as that is the case, the server closes all remaining connections at once. It closes later connections too (derp.md
    /// §3.12).
    /// </summary>
    /// <param name="window">The time over which the clients are closed.</param>
    /// <param name="cancellationToken">Closes the remaining connections at once.</param>
    public async Task DrainAsync(TimeSpan window, CancellationToken cancellationToken)
    {
        var clients = Registry.All.Where(static connection => !connection.IsMeshPeer).ToArray();
        var start = Time.GetTimestamp();
        for (var i = 0; i < clients.Length; i++)
        {
            var due = window * i / clients.Length;
            if (due - Time.GetElapsedTime(start) >= DerpHeartbeat.Period)
            {
                await WaitAsync(clients[i], due, start, cancellationToken).ConfigureAwait(false);
            }

            clients[i].BeginClose(DerpCloseReason.Drained);
        }

        // The mesh peers, and the clients that have connected meanwhile.
        Interlocked.Exchange(ref _isDrained, 1);
        foreach (var connection in Registry.All)
        {
            connection.BeginClose(DerpCloseReason.Drained);
        }
    }

    /// <summary>Returns a view of each open connection.</summary>
    public IReadOnlyList<DerpClientView> Clients() => [.. Registry.All.Select(View)];

    /// <summary>Stops the heartbeat. Connections should have ended before.</summary>
    public void Dispose() => _heartbeat.Dispose();

    // Waits in short steps: the wait ends as soon as the client disconnects, or no other server of the mesh is up.
    private async Task WaitAsync(DerpConnection connection, TimeSpan due, long start, CancellationToken cancellationToken)
    {
        while (Registry.Find(connection.Id) is not null && HasMeshMember && !cancellationToken.IsCancellationRequested)
        {
            var wait = due - Time.GetElapsedTime(start);
            if (wait <= TimeSpan.Zero)
            {
                return;
            }

            await Task.Delay(wait < DerpHeartbeat.Period ? wait : DerpHeartbeat.Period, Time, cancellationToken)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private DerpClientView View(DerpConnection connection)
    {
        var (packets, bytes) = connection.Sent;
        var (waiting, held, lost) = connection.Waiting;
        var activity = connection.Activity;
        return new DerpClientView(
            connection.Id, connection.Key, connection.RemoteEndPoint, connection.Flags, Time.GetElapsedTime(activity.Since),
            activity.DiscoReceived + activity.OtherReceived, activity.BytesReceived, packets, bytes, waiting, held, lost,
            connection.IsInProcess);
    }

    /// <summary>Changes the number of links that other servers have accepted.</summary>
    internal void CountMeshLink(int change) => Interlocked.Add(ref _meshLinks, change);

    /// <summary>Whether a drain has closed all connections: a new one is closed too.</summary>
    internal bool IsDrained => Volatile.Read(ref _isDrained) != 0;

    internal int CloseKey(NodeKey key, DerpCloseReason reason)
    {
        var connections = Registry.Find(key) is { } entry ? entry.Connections : default;
        foreach (var connection in connections)
        {
            connection.BeginClose(reason);
        }

        return connections.Length;
    }

    internal void Unregister(DerpConnection connection, bool wasHome, bool wasNotIdeal)
    {
        Registry.Remove(connection);
        var (packets, bytes) = connection.Sent;
        var activity = connection.Activity;
        Totals.Count(DerpCount.PacketsSent, packets);
        Totals.Count(DerpCount.BytesSent, bytes);
        Totals.Count(DerpCount.PacketsReceivedDisco, activity.DiscoReceived);
        Totals.Count(DerpCount.PacketsReceivedOther, activity.OtherReceived);
        Totals.Count(DerpCount.BytesReceived, activity.BytesReceived);
        Totals.Count(DerpCount.CurrentHome, wasHome ? -1 : 0);
        Totals.Count(DerpCount.CurrentNotIdeal, wasNotIdeal ? -1 : 0);
    }

    internal DerpConnection NewConnection(in NodeKey key, ClientInfo info, bool isMeshPeer, DerpTransport transport) => new(
        Interlocked.Increment(ref _lastId), key, info, isMeshPeer, transport, new SendQueue(Pool, _limits, Totals), Totals);
}
