using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Relay.Connections;
using Relay.Derp.Connections;
using Relay.Derp.Queues;
using Relay.Derp.Wire;

namespace Relay.Derp;

/// <summary>
/// A DERP server: relays packets between the clients whose connections are given to it (derp.md §3). It listens nowhere itself.
/// </summary>
/// <remarks>
/// 1. <see cref="RunAsync"/> does the handshake, admits the client and puts its connection into the registry.
/// 2. Its reader cuts batches into frames, puts packets into their receivers' queues under the receivers' locks, and drains each
///    receiver of it once at the batch's end. It waits for nobody.
/// 3. A receiver whose output is full is drained by its output's call-back; meanwhile its queue sheds the oldest.
/// 4. One heartbeat does for all what takes time: keep-alives, pings, deadlines.
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
    /// <param name="options">What it allows; read once.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Hears of faults of this program; null for nobody.</param>
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

    /// <summary>Asked for every client without the mesh key, within the handshake's time; without it everybody is admitted.</summary>
    public Func<DerpAdmissionRequest, CancellationToken, ValueTask<bool>>? Admission { get; init; }

    /// <summary>The mesh's secret, or null for no mesh. May be changed at any time; connections that are open keep what they are.</summary>
    public MeshKey? MeshKey
    {
        get => Volatile.Read(ref _meshKey);
        set => Volatile.Write(ref _meshKey, value);
    }

    /// <summary>How fast each client may send. May be changed at any time; every client then has a full bucket.</summary>
    public DerpRateLimit RateLimit
    {
        get => Volatile.Read(ref _rateLimit);
        set => Volatile.Write(ref _rateLimit, value);
    }

    /// <summary>Clients and mesh peers that are connected, their handshakes done.</summary>
    public int Connections => Registry.Connections;

    /// <summary>
    /// Whether another server of the mesh is up: a link to it, or one from it. Its clients and ours reach each other while ours move there.
    /// Who came with the mesh key to measure (<c>isProber</c>) is none.
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

    /// <summary>Serves a connection until it ends. Throws for nothing that a client or the network does.</summary>
    /// <param name="transport">The connection. Its input and output are completed at the end; closing the socket is the host's.</param>
    /// <param name="cancellationToken">Ends the connection at once.</param>
    /// <returns>Why it ended.</returns>
    public async Task<DerpCloseReason> RunAsync(DerpTransport transport, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(transport);
        Totals.Count(DerpCount.Accepts);
        Totals.Count(DerpCount.WebSocketAccepts, transport.WebSocket is null ? 0 : 1);
        var session = new DerpSession(this, transport);
        var reason = DerpCloseReason.TooManyConnections;
        if (!_places.TryEnterTotal())
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
                // Whatever the session met: a place that is lost is lost until the process ends.
                place.Leave();
            }
        }

        Closed.Count(reason);
        return reason;
    }

    /// <summary>Closes every connection of a key, which may not be admitted any more.</summary>
    /// <param name="key">The key.</param>
    /// <returns>How many there were.</returns>
    public int CloseKey(NodeKey key) => CloseKey(key, DerpCloseReason.Revoked);

    /// <summary>Closes every connection that came with the mesh key, for instance because the key is another one now.</summary>
    /// <returns>How many there were.</returns>
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
    /// Sets up the socket under a connection: bytes that the peer does not acknowledge end it after
    /// <see cref="DerpServerOptions.TcpUserTimeout"/>, which is how a half-open client is found that packets go to. Does nothing to
    /// sockets that are not TCP, or broken.
    /// </summary>
    /// <param name="socket">The socket.</param>
    public void Tune(Socket socket) => TcpUserTimeout.Apply(socket, _options.TcpUserTimeout);

    /// <summary>Sets how fast all clients together may send. Every change fills the bucket.</summary>
    /// <param name="limit">The rate.</param>
    public void SetTotalRateLimit(DerpRateLimit limit)
    {
        ArgumentNullException.ThrowIfNull(limit);
        TotalRate.Set(limit);
    }

    /// <summary>Tells every client that the server restarts (derp.md §2.2).</summary>
    /// <param name="reconnectIn">When clients should reconnect.</param>
    /// <param name="tryFor">For how long they should try.</param>
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
    /// Closes all clients, evenly over a time, so that they do not all arrive at another server at once; mesh peers behind the last one, so
    /// that those who are still here can be reached. Without another server of the mesh that is up there is nowhere to go until this one is
    /// back: then, and as soon as that is so, the rest is closed at once. Who comes later is closed too.
    /// </summary>
    /// <param name="window">The time.</param>
    /// <param name="cancellationToken">Closes the rest at once.</param>
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

        // Mesh peers, and those that came meanwhile.
        Interlocked.Exchange(ref _isDrained, 1);
        foreach (var connection in Registry.All)
        {
            connection.BeginClose(DerpCloseReason.Drained);
        }
    }

    /// <summary>What the open connections have done so far.</summary>
    public IReadOnlyList<DerpClientView> Clients() => [.. Registry.All.Select(View)];

    /// <summary>Stops the heartbeat. Connections should have ended before.</summary>
    public void Dispose() => _heartbeat.Dispose();

    // In short steps, so that nobody is waited for who has left meanwhile, or who has nowhere to go.
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
            activity.DiscoReceived + activity.OtherReceived, activity.BytesReceived, packets, bytes, waiting, held, lost);
    }

    /// <summary>Counts the links to other servers that these have accepted.</summary>
    internal void CountMeshLink(int change) => Interlocked.Add(ref _meshLinks, change);

    /// <summary>Whether all connections were closed, so that a new one has to go too.</summary>
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

    internal void Leave(DerpConnection connection, bool wasHome, bool wasNotIdeal)
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
