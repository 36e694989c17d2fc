using Relay.Derp.Client;
using Relay.Derp.Connections;
using Relay.Derp.Queues;
using Relay.Derp.Wire;

namespace Relay.Derp.Mesh;

/// <summary>
/// The link to another server of the mesh (derp.md §4.2): learns that server's clients, and forwards packets to them. Packets wait in a
/// bounded queue, so a peer that stalls or is unreachable delays no sender. Packets are dropped and counted while the link is down, and
/// when the queue is full.
/// </summary>
/// <param name="server">The server whose packets are forwarded.</param>
/// <param name="heartbeat">The timer of the link's time-outs. Its clock is the server's.</param>
/// <param name="connect">
/// Opens a connection up to and including the HTTP upgrade, with a time limit of its own. It throws <see cref="IOException"/> when that
/// fails. The caller owns the socket: see <paramref name="disconnect"/>.
/// </param>
/// <param name="disconnect">Closes a connection of <paramref name="connect"/>.</param>
public sealed class DerpMeshLink(
    DerpServer server,
    DerpClientHeartbeat heartbeat,
    Func<CancellationToken, Task<DerpTransport>> connect,
    Func<DerpTransport, ValueTask> disconnect) : IDerpForwarder, IDerpClientHandler
{
    private readonly HashSet<NodeKey> _known = [];
    private MeshOutbox? _connecting;
    private MeshOutbox? _outbox;
    private int _peers;
    private bool _isAccepted;

    /// <inheritdoc/>
    DerpOutbox? IDerpForwarder.Outbox => Volatile.Read(ref _outbox);

    /// <summary>Whether the link is up.</summary>
    public bool IsUp => Volatile.Read(ref _outbox) is not null;

    /// <summary>
    /// The number of keys that the peer has announced. A peer that accepts the link announces the link's own server at once.
    /// </summary>
    public int Peers => Volatile.Read(ref _peers);

    /// <summary>Whether the link led back to its own server; it is not retried then.</summary>
    public bool IsSelf { get; private set; }

    /// <summary>Called when the peer has accepted the link, which its first announcement proves.</summary>
    public Action? Accepted { get; init; }

    /// <summary>Called with the error when an attempt to connect has failed.</summary>
    public Action<IOException>? Failed { get; init; }

    /// <summary>Called with the reason when a connection of the link has ended.</summary>
    public Action<DerpClientCloseReason>? Ended { get; init; }

    /// <summary>
    /// Connects, and reconnects after each loss, until it is cancelled or the link leads back to its own server. Only an error that is none
    /// of the network is an exception, after which the link can run again.
    /// </summary>
    /// <param name="cancellationToken">Ends the link.</param>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var wait = TimeSpan.Zero;
        while (!cancellationToken.IsCancellationRequested)
        {
            _isAccepted = false;
            if (await ConnectAsync(cancellationToken).ConfigureAwait(false) is { } transport)
            {
                var reason = await RunAsync(transport, cancellationToken).ConfigureAwait(false);
                IsSelf = reason == DerpClientCloseReason.Self;
                Ended?.Invoke(reason);
                if (IsSelf)
                {
                    return;
                }
            }

            wait = NextWait(wait);
            await Task.Delay(wait, server.Time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    void IDerpClientHandler.OnConnected() => Volatile.Write(ref _outbox, _connecting);

    /// <summary>Does nothing: this server's key is the link's, and nobody has a reason to send a packet to it.</summary>
    void IDerpClientHandler.OnPacket(in NodeKey source, ReadOnlySpan<byte> packet)
    {
    }

    void IDerpClientHandler.OnBatchEnd()
    {
    }

    void IDerpClientHandler.OnPeerPresent(in NodeKey key)
    {
        if (!_known.Add(key))
        {
            return;
        }

        server.Registry.AddForwarder(key, this);
        if (!_isAccepted)
        {
            _isAccepted = true;
            server.CountMeshLink(1);
            Accepted?.Invoke();
        }

        // Whoever sees the peer sees that the link is accepted.
        Volatile.Write(ref _peers, _known.Count);
    }

    void IDerpClientHandler.OnPeerGone(in NodeKey key, PeerGoneReason reason)
    {
        if (_known.Remove(key))
        {
            server.Registry.RemoveForwarder(key, this);
            Volatile.Write(ref _peers, _known.Count);
        }
    }

    void IDerpClientHandler.OnHealth(string text)
    {
    }

    /// <summary>Does nothing: the link reconnects as soon as the peer closes the connection.</summary>
    void IDerpClientHandler.OnRestarting(TimeSpan reconnectIn, TimeSpan tryFor)
    {
    }

    // Null when the attempt has failed, or was cancelled.
    private async Task<DerpTransport?> ConnectAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await connect(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return null;
        }
        catch (IOException error)
        {
            Failed?.Invoke(error);
            return null;
        }
    }

    // A peer that had accepted the link probably restarts, so the first attempt comes soon; then the wait doubles. The jitter spreads the
    // links of several servers to one peer.
    private TimeSpan NextWait(TimeSpan last)
    {
        var longest = server.Options.MeshRetry;
        var next = _isAccepted || last == TimeSpan.Zero ? longest / 8 : last * 2;
        return (next < longest ? next : longest) * (0.75 + (0.25 * Random.Shared.NextDouble()));
    }

    private async Task<DerpClientCloseReason> RunAsync(DerpTransport transport, CancellationToken cancellationToken)
    {
        var limits = new QueueLimits(server.Options.MeshQueueDepth, server.Options.MeshQueueBytes);
        _connecting = new MeshOutbox(transport.Output, new SendQueue(server.Pool, limits, server.Totals), server.Totals);
        try
        {
            var info = new ClientInfo(DerpProtocol.Version, server.MeshKey?.Text, CanAckPings: true, IsProber: false);
            var options = new DerpClientOptions { WriteTimeout = server.Options.MeshWriteTimeout };
            var connection = new DerpClientConnection(
                transport.Input, new DerpLogin(server.Key, info), _connecting, this, heartbeat, options);
            return await connection.RunAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            Volatile.Write(ref _outbox, null);
            if (_isAccepted)
            {
                server.CountMeshLink(-1);
            }

            foreach (var key in _known)
            {
                server.Registry.RemoveForwarder(key, this);
            }

            _known.Clear();
            Volatile.Write(ref _peers, 0);
            await disconnect(transport).ConfigureAwait(false);
        }
    }
}
