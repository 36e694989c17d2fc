using System.IO.Pipelines;
using System.Security.Cryptography;
using Relay.Derp.Connections;
using Relay.Derp.Queues;
using Relay.Derp.Wire;

namespace Relay.Derp.Mesh;

/// <summary>
/// The link to another server of the mesh (derp.md §4.2): learns which clients it has, and takes packets to them. Packets wait in
/// a bounded queue, so that a peer that stalls or is away delays nobody; those that find the link down, or the queue full, are lost
/// and counted.
/// </summary>
/// <param name="server">The server whose packets go out.</param>
/// <param name="connect">
/// Makes a connection on which DERP begins, the HTTP upgrade done; it has its own time limit. Its socket is the caller's: see
/// <paramref name="disconnect"/>.
/// </param>
/// <param name="disconnect">Closes the connection that was made.</param>
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

    /// <summary>Keys that the peer has announced. One that accepts the link announces the link's own server at once.</summary>
    public int Peers => Volatile.Read(ref _peers);

    /// <summary>Whether the link led to its own server, and has ended for good.</summary>
    public bool IsSelf { get; private set; }

    /// <summary>Called when the peer has accepted the link, which its first announcement shows.</summary>
    public Action? Accepted { get; init; }

    /// <summary>Called when a connection of the link has ended, with the reason; not for attempts that made none.</summary>
    public Action<DerpCloseReason>? Ended { get; init; }

    /// <summary>Keeps the link up until it is told not to, or finds that it leads to its own server.</summary>
    /// <param name="cancellationToken">Ends it.</param>
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
                // The peer is away; the next attempt comes after the wait.
            }

            wait = NextWait(wait);
            await Task.Delay(wait, server.Time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    // A peer that took the link and is gone restarts, most likely, and soon; one that is away for longer is asked ever more seldom. Of
    // several links to one peer not all come back at the same moment.
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
            while ((status = DerpFrameReader.TryRead(ref buffer, DerpProtocol.MaxClientFrame, out var header, out var payload)) == DerpFrameStatus.Frame)
            {
                if (Handle(header.Type, payload.IsSingleSegment ? payload.FirstSpan : System.Buffers.BuffersExtensions.ToArray(payload), outbox) is { } reason)
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
                outbox.OwePong(System.Buffers.Binary.BinaryPrimitives.ReadUInt64BigEndian(payload));
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
        if (!DerpHandshake.TryReadServerKey(payload, out var theirs))
        {
            return DerpCloseReason.BadHandshake;
        }

        if (theirs == server.PublicKey)
        {
            return DerpCloseReason.Self;
        }

        // Answers pings, so that the peer finds out when this side is gone.
        var info = new ClientInfo(DerpProtocol.Version, server.MeshKey?.Text, CanAckPings: true, IsProber: false);
        byte[] hello;
        try
        {
            hello = DerpHandshake.ClientInfo(server.PublicKey, server.Key.BoxWith(theirs), info.ToJson());
        }
        catch (CryptographicException)
        {
            // The peer's key gives no secret.
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
