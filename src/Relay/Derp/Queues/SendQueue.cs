using Relay.Derp.Wire;

namespace Relay.Derp.Queues;

/// <summary>
/// The packets that wait for one receiver. Disco goes before data; within each kind the senders take turns, a frame each;
/// within a sender, first come, first served. What does not fit pushes the oldest out: of its own lane when that has
/// reached its depth, of the fullest when memory is short. Not for concurrent use: its owner holds a lock.
/// </summary>
/// <param name="pool">Memory.</param>
/// <param name="limits">Depth and bytes.</param>
/// <param name="totals">Where losses are counted.</param>
internal sealed class SendQueue(ChunkPool pool, QueueLimits limits, DerpTotals totals)
{
    private LaneSet? _disco;
    private LaneSet? _other;
    private int _held;

    /// <summary>Whether nothing waits.</summary>
    public bool IsEmpty => Count == 0;

    /// <summary>Frames that wait.</summary>
    public int Count => (_disco?.Count ?? 0) + (_other?.Count ?? 0);

    /// <summary>Bytes of memory held, by what <see cref="Keep"/> made too. Never more than the limit.</summary>
    public int Held => _held;

    /// <summary>Packets that were lost here so far.</summary>
    public long Lost { get; private set; }

    /// <summary>Adds a packet's frame.</summary>
    /// <param name="kind">What it is.</param>
    /// <param name="sender">Whose it is: the hash of the sender's key.</param>
    /// <param name="prefix">The frame's header and keys.</param>
    /// <param name="packet">The packet.</param>
    /// <returns>False when the packet itself was lost.</returns>
    public bool Enqueue(PacketKind kind, ulong sender, ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> packet)
    {
        var lanes = kind == PacketKind.Disco ? _disco ??= new LaneSet() : _other ??= new LaneSet();
        var lane = lanes.Find(sender);
        if (lane.Count >= limits.Depth)
        {
            DropHead(lanes, lane, kind);
        }

        var bytes = prefix.Length + packet.Length;
        if (!lane.HasRoom(bytes) && !MakeRoom(lane, bytes, kind))
        {
            totals.Dropped(DropReason.QueueTail, kind, packet.Length);
            Lost++;
            return false;
        }

        var frame = lane.Append(bytes);
        lanes.Count++;
        prefix.CopyTo(frame);
        packet.CopyTo(frame[prefix.Length..]);
        return true;
    }

    /// <summary>The frames to send next, in one piece, when nobody else's turn comes between. They stay in the queue.</summary>
    /// <param name="scratch">Room for the largest chunk at least; what lies in several pieces is gathered there.</param>
    /// <param name="run">Whole frames.</param>
    public bool TryPeekRun(Span<byte> scratch, out ReadOnlySpan<byte> run)
    {
        var lanes = First();
        var lane = lanes?.Current;
        run = lane is not null && lanes!.IsAlone ? lane.Run(scratch) : default;
        return !run.IsEmpty;
    }

    /// <summary>Forgets what was sent of a run.</summary>
    /// <param name="sent">How many of the run's bytes were taken.</param>
    /// <param name="cut">Receives the rest of the frame in which they end.</param>
    /// <param name="tally">Counts the packets, the one that was cut included.</param>
    public void ConsumeRun(int sent, ref Chunk? cut, ref SendTally tally)
    {
        var lanes = First()!;
        var lane = lanes.Current!;
        while (sent > 0)
        {
            var frame = lane.Peek();
            tally.Add(frame);
            if (frame.Length > sent)
            {
                cut = Copy(frame[sent..]);
            }

            sent -= Math.Min(frame.Length, sent);
            Take(lanes, lane, frame.Length);
        }

        Shed();
    }

    /// <summary>Takes frames in turns, as many as fit.</summary>
    /// <param name="destination">Room for one frame at least.</param>
    /// <param name="tally">Counts the packets.</param>
    /// <returns>The bytes written.</returns>
    public int Compose(Span<byte> destination, ref SendTally tally)
    {
        var written = 0;
        while (First() is { } lanes && lanes.Current is { } lane)
        {
            var frame = lane.Peek();
            if (frame.Length > destination.Length - written)
            {
                break;
            }

            frame.CopyTo(destination[written..]);
            tally.Add(frame);
            written += frame.Length;
            lanes.Advance();
            Take(lanes, lane, frame.Length);
        }

        return written;
    }

    /// <summary>Forgets everything, and counts it as lost.</summary>
    public void Clear(DropReason reason)
    {
        while (First() is { } lanes && lanes.Current is { } lane)
        {
            Lose(lanes, lane, reason, ReferenceEquals(lanes, _disco) ? PacketKind.Disco : PacketKind.Other);
        }
    }

    /// <summary>
    /// Copies bytes that were begun to be sent, and so must be sent to their end. They count; when there is no memory left for them, what
    /// waits goes, the oldest of the fullest lane first. Where nothing waits, the pool's account is overdrawn.
    /// </summary>
    public Chunk Keep(ReadOnlySpan<byte> rest)
    {
        var chunk = Copy(rest);
        Shed();
        return chunk;
    }

    /// <summary>Gives back what <see cref="Keep"/> made.</summary>
    public void Free(Chunk chunk)
    {
        _held -= chunk.Buffer.Length;
        pool.Return(chunk);
    }

    private Chunk Copy(ReadOnlySpan<byte> rest)
    {
        var chunk = pool.Rent(ChunkPool.ClassFor(rest.Length));
        _held += chunk.Buffer.Length;
        rest.CopyTo(chunk.Buffer);
        chunk.Tail = rest.Length;
        return chunk;
    }

    private void Shed()
    {
        while ((_held > limits.Bytes || pool.IsOverdrawn) && DropFullest(PacketKind.Disco))
        {
        }
    }

    private LaneSet? First() => _disco is { Count: > 0 } ? _disco : _other is { Count: > 0 } ? _other : null;

    private bool MakeRoom(Lane lane, int bytes, PacketKind kind)
    {
        var sizeClass = lane.NextClass(bytes);
        while (true)
        {
            var size = ChunkPool.Sizes[sizeClass];

            // Everybody may have as much as is left for all, so that those who hoard leave the same for a newcomer.
            var limit = Math.Min(limits.Bytes, pool.Available);
            if (_held + size <= limit && pool.TryRent(sizeClass) is { } chunk)
            {
                _held += size;
                lane.Add(chunk);
                return true;
            }

            var fitting = ChunkPool.ClassFor(bytes);
            if (sizeClass > fitting)
            {
                sizeClass = fitting;
            }
            else if (!DropFullest(kind))
            {
                return false;
            }

            if (lane.HasRoom(bytes))
            {
                return true;
            }
        }
    }

    // Disco goes only for disco's sake.
    private bool DropFullest(PacketKind last)
    {
        if (_other?.Fullest() is { } other)
        {
            DropHead(_other, other, PacketKind.Other);
            return true;
        }

        if (last == PacketKind.Disco && _disco?.Fullest() is { } disco)
        {
            DropHead(_disco, disco, PacketKind.Disco);
            return true;
        }

        return false;
    }

    private void DropHead(LaneSet lanes, Lane lane, PacketKind kind) => Lose(lanes, lane, DropReason.QueueHead, kind);

    private void Lose(LaneSet lanes, Lane lane, DropReason reason, PacketKind kind)
    {
        var frame = lane.Peek();
        totals.Dropped(reason, kind, SendTally.PacketLength(frame));
        Lost++;
        Take(lanes, lane, frame.Length);
    }

    private void Take(LaneSet lanes, Lane lane, int bytes)
    {
        var before = lane.Held;
        lane.Pop(bytes, pool);
        _held -= before - lane.Held;
        lanes.Count--;
    }
}
