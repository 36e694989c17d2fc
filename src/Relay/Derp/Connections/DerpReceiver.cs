using System.Buffers.Binary;
using Relay.Derp.Wire;

namespace Relay.Derp.Connections;

/// <summary>
/// Handles the bytes of one client (derp.md §2.2, §3.4): cuts them into frames, checks each length as soon as the header has arrived, and
/// puts packets into their receivers' queues. Never waits for a receiver. Not for concurrent use.
/// </summary>
internal sealed class DerpReceiver(DerpConnection connection, DerpServer server)
{
    private static readonly TimeSpan HomeMoveAfter = TimeSpan.FromSeconds(5);

    private readonly long _since = server.Time.GetTimestamp();
    private PeerEntry? _lastTarget;
    private DerpConnection? _lastReceiver;
    private PeerEntry? _lastSource;
    private TokenBucket _notHereBucket = new(1, 3, server.Time.GetTimestamp());
    private TokenBucket _bucket;
    private DerpRateLimit _limit = DerpRateLimit.None;
    private long _skip;
    private bool _hasTokens;
    private bool _hasOwnTokens;
    private bool _hasWaited;

    /// <summary>Whether the client has named this server as its home relay.</summary>
    public bool IsHome { get; private set; }

    /// <summary>The close reason, after <see cref="ReceiveStatus.Close"/>.</summary>
    public DerpCloseReason Reason { get; private set; } = DerpCloseReason.ProtocolError;

    /// <summary>The time to wait, after <see cref="ReceiveStatus.Wait"/>.</summary>
    public TimeSpan Delay { get; private set; }

    /// <summary>Handles the whole frames in a segment of the client's bytes.</summary>
    /// <param name="bytes">The segment.</param>
    /// <param name="batch">Collects the receivers; the caller flushes it.</param>
    /// <param name="consumed">The number of bytes handled.</param>
    public ReceiveStatus Receive(ReadOnlySpan<byte> bytes, ref ReceiverBatch batch, out int consumed)
    {
        consumed = 0;
        while (true)
        {
            if (_skip > 0)
            {
                var skipped = (int)Math.Min(_skip, bytes.Length - consumed);
                _skip -= skipped;
                consumed += skipped;
            }

            if (!DerpFrameHeader.TryRead(bytes[consumed..], out var header))
            {
                return ReceiveStatus.Done;
            }

            if (!IsAllowed(header))
            {
                return ReceiveStatus.Close;
            }

            if (!_hasTokens && !TryTakeTokens(header.Length))
            {
                return ReceiveStatus.Wait;
            }

            var frame = bytes[consumed..];
            var length = DerpProtocol.HeaderLength + (int)header.Length;
            if (!IsKnown(header.Type))
            {
                server.Totals.Count(DerpCount.UnknownFrames, header.Type == DerpFrameType.Pong ? 0 : 1);
                _skip = length;
            }
            else if (frame.Length < length)
            {
                return ReceiveStatus.Done;
            }
            else
            {
                consumed += length;
                if (!Handle(header.Type, frame[DerpProtocol.HeaderLength..length], ref batch))
                {
                    return ReceiveStatus.Close;
                }
            }

            _hasTokens = false;
            if (connection.Entry!.Active != connection)
            {
                server.Registry.Activate(connection);
            }
        }
    }

    private static bool IsKnown(DerpFrameType type) =>
        type is DerpFrameType.SendPacket or DerpFrameType.ForwardPacket or DerpFrameType.Ping or DerpFrameType.NotePreferred
            or DerpFrameType.WatchConns or DerpFrameType.ClosePeer;

    // Called before the server waits for any byte of the payload.
    private bool IsAllowed(DerpFrameHeader header)
    {
        const uint Key = NodeKey.Length;
        const uint Packet = DerpProtocol.MaxPacketLength;
        if (header.Type is DerpFrameType.ForwardPacket or DerpFrameType.WatchConns or DerpFrameType.ClosePeer && !connection.IsMeshPeer)
        {
            Reason = DerpCloseReason.NotMeshPeer;
            return false;
        }

        return header.Type switch
        {
            DerpFrameType.SendPacket => header.Length is >= Key and <= Key + Packet,
            DerpFrameType.ForwardPacket => header.Length is >= 2 * Key and <= (2 * Key) + Packet,
            DerpFrameType.NotePreferred => header.Length == 1,
            DerpFrameType.WatchConns => header.Length == 0,
            DerpFrameType.ClosePeer => header.Length == Key,
            DerpFrameType.Ping => header.Length is >= DerpProtocol.PingLength and <= DerpProtocol.MaxPing,
            _ => header.Length <= DerpProtocol.MaxUnknownPayload,
        };
    }

    private bool TryTakeTokens(uint length)
    {
        var limit = server.RateLimit;
        if (!ReferenceEquals(limit, _limit))
        {
            _limit = limit;
            _bucket = new TokenBucket(limit.BytesPerSecond, limit.Capacity, server.Time.GetTimestamp());
        }

        if (!connection.IsMeshPeer)
        {
            var tokens = Math.Min(length, DerpRateLimit.MaxTake);
            Delay = limit.BytesPerSecond > 0 && !_hasOwnTokens ? _bucket.Take(tokens, server.Time) : TimeSpan.Zero;
            _hasOwnTokens = Delay == TimeSpan.Zero;
            Delay = _hasOwnTokens ? server.TotalRate.Take(tokens) : Delay;

            if (Delay > TimeSpan.Zero)
            {
                // Counted once for each frame: a timer may fire early, and other clients may have used the shared tokens up again.
                server.Totals.Count(DerpCount.RateLimitWaits, _hasWaited ? 0 : 1);
                _hasWaited = true;
                return false;
            }
        }

        _hasTokens = true;
        _hasOwnTokens = false;
        _hasWaited = false;
        return true;
    }

    private bool Handle(DerpFrameType type, ReadOnlySpan<byte> payload, ref ReceiverBatch batch)
    {
        switch (type)
        {
            case DerpFrameType.SendPacket:
                Send(payload, ref batch);
                return true;
            case DerpFrameType.ForwardPacket:
                HandleForwarded(payload, ref batch);
                return true;
        }

        batch.Release();
        switch (type)
        {
            case DerpFrameType.Ping:
                server.Totals.Count(DerpCount.GotPing);
                connection.QueuePong(BinaryPrimitives.ReadUInt64BigEndian(payload));
                batch.Hold(connection);
                break;
            case DerpFrameType.NotePreferred:
                NotePreferred(payload[0] != 0);
                break;
            case DerpFrameType.WatchConns when connection.Key != server.PublicKey:
                connection.PrepareWatch(server.Registry);
                server.Registry.Watch(connection);
                break;
            case DerpFrameType.ClosePeer:
                server.CloseKey(new NodeKey(payload), DerpCloseReason.ClosedByPeer);
                return connection.Closing is null;
        }

        return true;
    }

    private void Send(ReadOnlySpan<byte> payload, ref ReceiverBatch batch)
    {
        var packet = payload[NodeKey.Length..];
        var kind = DerpProtocol.KindOf(packet);
        connection.Activity.CountPacket(kind == PacketKind.Disco, packet.Length);
        var entry = _lastTarget is { IsRemoved: false } last && last.Key.Matches(payload) ? last : Find(payload, ref batch);
        if (entry?.Active is { } receiver)
        {
            Deliver(connection.Entry!, connection.Key, connection.Sender, receiver, kind, packet, ref batch);
        }
        else if (entry?.Forwarder is { } forwarder)
        {
            Forward(forwarder, entry.Key, kind, packet, ref batch);
        }
        else
        {
            DropUnknown(DropReason.UnknownDest, new NodeKey(payload), kind, packet.Length, ref batch);
        }
    }

    private PeerEntry? Find(ReadOnlySpan<byte> key, ref ReceiverBatch batch)
    {
        batch.Release();
        return _lastTarget = server.Registry.Find(new NodeKey(key));
    }

    private void Deliver(
        PeerEntry? source,
        in NodeKey sourceKey,
        ulong sender,
        DerpConnection receiver,
        PacketKind kind,
        ReadOnlySpan<byte> packet,
        ref ReceiverBatch batch)
    {
        if (source is not null && (!ReferenceEquals(_lastReceiver, receiver) || !ReferenceEquals(_lastSource, source)))
        {
            batch.Release();
            server.Registry.NoteReceiver(source, receiver);
            (_lastReceiver, _lastSource) = (receiver, source);
        }

        Span<byte> prefix = stackalloc byte[DerpProtocol.HeaderLength + NodeKey.Length];
        DerpFrames.PacketPrefix(prefix, DerpFrameType.RecvPacket, sourceKey, packet.Length);
        batch.Hold(receiver);
        receiver.Enqueue(kind, sender, prefix, packet);
    }

    private void Forward(
        Mesh.IDerpForwarder forwarder, in NodeKey target, PacketKind kind, ReadOnlySpan<byte> packet, ref ReceiverBatch batch)
    {
        if (forwarder.Outbox is not { } outbox)
        {
            server.Totals.Dropped(DropReason.MeshLink, kind, packet.Length);
            return;
        }

        server.Totals.Count(DerpCount.PacketsForwardedOut);
        Span<byte> prefix = stackalloc byte[DerpProtocol.HeaderLength + (2 * NodeKey.Length)];
        DerpFrames.ForwardPrefix(prefix, connection.Key, target, packet.Length);
        batch.Hold(outbox);
        outbox.Enqueue(kind, connection.Sender, prefix, packet);
    }

    // A forwarded packet is delivered to a client of this server, or dropped: one hop (derp.md §4.4).
    private void HandleForwarded(ReadOnlySpan<byte> payload, ref ReceiverBatch batch)
    {
        var packet = payload[(2 * NodeKey.Length)..];
        var kind = DerpProtocol.KindOf(packet);
        var (source, target) = (new NodeKey(payload), new NodeKey(payload[NodeKey.Length..]));
        server.Totals.Count(DerpCount.PacketsForwardedIn);
        if (server.Registry.Find(target)?.Active is { } receiver)
        {
            Deliver(server.Registry.Find(source), source, source.Hash, receiver, kind, packet, ref batch);
        }
        else
        {
            DropUnknown(DropReason.UnknownDestOnForward, target, kind, packet.Length, ref batch);
        }
    }

    private void DropUnknown(DropReason reason, in NodeKey target, PacketKind kind, int bytes, ref ReceiverBatch batch)
    {
        server.Totals.Dropped(reason, kind, bytes);
        if (kind == PacketKind.Disco && _notHereBucket.Take(1, server.Time) == TimeSpan.Zero)
        {
            batch.Release();
            connection.SendPeerGone(target, PeerGoneReason.NotHere);
        }
    }

    private void NotePreferred(bool isHome)
    {
        if (isHome == IsHome)
        {
            return;
        }

        IsHome = isHome;
        server.Totals.Count(DerpCount.CurrentHome, isHome ? 1 : -1);
        if (server.Time.GetElapsedTime(_since) > HomeMoveAfter)
        {
            server.Totals.Count(isHome ? DerpCount.HomeMovesIn : DerpCount.HomeMovesOut);
        }
    }
}
