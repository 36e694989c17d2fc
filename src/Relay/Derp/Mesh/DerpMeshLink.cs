using System.IO.Pipelines;
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
/// <param name="connect">
/// Opens a connection up to and including the HTTP upgrade, with a time limit of its own. The caller owns the socket: see
/// <paramref name="disconnect"/>.
/// </param>
/// <param name="disconnect">Closes a connection of <paramref name="connect"/>.</param>
public sealed class DerpMeshLink(
    DerpServer server,
    Func<CancellationToken, Task<DerpTransport>> connect,
    Func<DerpTransport, ValueTask> disconnect) : IDerpForwarder
{
    private readonly HashSet<NodeKey> _known = [];
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

    /// <summary>Called with the reason when a connection of the link has ended; not for failed attempts to connect.</summary>
    public Action<DerpCloseReason>? Ended { get; init; }

    /// <summary>Connects, and reconnects after each loss, until it is cancelled or the link leads back to its own server.</summary>
    /// <param name="cancellationToken">Ends the link.</param>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var wait = TimeSpan.Zero;
        while (!cancellationToken.IsCancellationRequested)
        {
            _isAccepted = false;
            try
            {
                var transport = await connect(cancellationToken).ConfigureAwait(false);
                try
                {
                    IsSelf = await RunReportedAsync(transport, cancellationToken).ConfigureAwait(false) == DerpCloseReason.Self;
                    if (IsSelf)
                    {
                        return;
                    }
                }
                finally
                {
                    await disconnect(transport).ConfigureAwait(false);
                }
            }
            catch (Exception exception) when (exception is IOException or OperationCanceledException or InvalidOperationException
                or System.Net.Sockets.SocketException or System.Security.Authentication.AuthenticationException or TimeoutException
                or ObjectDisposedException)
            {
                // The peer is unreachable; the next attempt follows after the wait.
            }

            wait = NextWait(wait);
            await Task.Delay(wait, server.Time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
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

    private async Task<DerpCloseReason> RunReportedAsync(DerpTransport transport, CancellationToken cancellationToken)
    {
        var reason = DerpCloseReason.Aborted;
        try
        {
            return reason = await RunOnceAsync(transport, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            Ended?.Invoke(reason);
        }
    }

    private async Task<DerpCloseReason> RunOnceAsync(DerpTransport transport, CancellationToken cancellationToken)
    {
        var limits = new QueueLimits(server.Options.MeshQueueDepth, server.Options.MeshQueueBytes);
        var outbox = new MeshOutbox(transport.Output, new SendQueue(server.Pool, limits, server.Totals), server.Totals);
        try
        {
            return await ReceiveAsync(transport.Input, outbox, cancellationToken).ConfigureAwait(false);
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
            outbox.Close(DropReason.MeshLink);
            await transport.Input.CompleteAsync().ConfigureAwait(false);
        }
    }

    private async Task<DerpCloseReason> ReceiveAsync(PipeReader input, MeshOutbox outbox, CancellationToken cancellationToken)
    {
        while (true)
        {
            // Servers send a keep-alive every 65 s at the latest; after 120 s of silence the link is dead.
            var result = await input.ReadAsync(cancellationToken).AsTask()
                .WaitAsync(TimeSpan.FromSeconds(120), server.Time, cancellationToken).ConfigureAwait(false);
            var buffer = result.Buffer;
            DerpFrameStatus status;
            while ((status = DerpFrameReader.TryRead(ref buffer, DerpProtocol.MaxClientFrame, out var header, out var payload))
                == DerpFrameStatus.Frame)
            {
                var bytes = payload.IsSingleSegment ? payload.FirstSpan : System.Buffers.BuffersExtensions.ToArray(payload);
                if (Handle(header.Type, bytes, outbox) is { } reason)
                {
                    return reason;
                }
            }

            input.AdvanceTo(buffer.Start, buffer.End);
            if (status == DerpFrameStatus.TooLong)
            {
                return DerpCloseReason.ProtocolError;
            }

            if (result.IsCompleted)
            {
                return DerpCloseReason.ClientClosed;
            }
        }
    }

    private DerpCloseReason? Handle(DerpFrameType type, ReadOnlySpan<byte> payload, MeshOutbox outbox)
    {
        switch (type)
        {
            case DerpFrameType.ServerKey when !IsUp:
                return Greet(payload, outbox);
            case DerpFrameType.PeerPresent when payload.Length >= NodeKey.Length:
                var present = new NodeKey(payload);
                if (_known.Add(present))
                {
                    server.Registry.AddForwarder(present, this);
                    Volatile.Write(ref _peers, _known.Count);
                    ReportAccepted();
                }

                break;
            case DerpFrameType.PeerGone when payload.Length >= NodeKey.Length:
                var gone = new NodeKey(payload);
                if (_known.Remove(gone))
                {
                    server.Registry.RemoveForwarder(gone, this);
                    Volatile.Write(ref _peers, _known.Count);
                }

                break;
            case DerpFrameType.Ping when payload.Length >= DerpProtocol.PingLength:
                outbox.QueuePong(System.Buffers.Binary.BinaryPrimitives.ReadUInt64BigEndian(payload));
                break;
        }

        return null;
    }

    private void ReportAccepted()
    {
        if (!_isAccepted)
        {
            _isAccepted = true;
            server.CountMeshLink(1);
            Accepted?.Invoke();
        }
    }

    private DerpCloseReason? Greet(ReadOnlySpan<byte> payload, MeshOutbox outbox)
    {
        // This side answers pings, so that the peer can detect its loss.
        var info = new ClientInfo(DerpProtocol.Version, server.MeshKey?.Text, CanAckPings: true, IsProber: false);
        var login = new DerpLogin(server.Key, info);
        if (!login.TryReadServerKey(payload))
        {
            return DerpCloseReason.BadHandshake;
        }

        if (login.Server == server.PublicKey)
        {
            return DerpCloseReason.Self;
        }

        if (login.Answer() is not { } hello)
        {
            return DerpCloseReason.BadHandshake;
        }

        Span<byte> watch = stackalloc byte[DerpProtocol.HeaderLength];
        DerpFrames.Empty(watch, DerpFrameType.WatchConns);
        outbox.SendFirst((byte[])[.. hello, .. watch]);
        outbox.Drain();
        Volatile.Write(ref _outbox, outbox);
        return null;
    }
}
