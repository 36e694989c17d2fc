using Relay.Derp.Wire;

namespace Relay.Derp.Queues;

/// <summary>
/// The packets that wait for one receiver (derp.md §3.5). Disco packets go first; within each kind the senders take turns, one frame each;
/// packets of one sender are first in, first out. A packet that does not fit displaces the oldest packet: that of its own lane if the
/// lane is at its depth, that of the fullest lane if memory is short. Not for concurrent use: the owner holds a lock.
/// </summary>
/// <param name="pool">The memory.</param>
/// <param name="limits">The limits of this queue.</param>
/// <param name="totals">Counts the dropped packets.</param>
internal sealed class SendQueue(ChunkPool pool, QueueLimits limits, DerpTotals totals)
{
    private LaneSet? _disco;
    private LaneSet? _other;
    private int _held;

    /// <summary>Whether no frames wait.</summary>
    public bool IsEmpty => Count == 0;

    /// <summary>The number of waiting frames.</summary>
    public int Count => (_disco?.Count ?? 0) + (_other?.Count ?? 0);

    /// <summary>Bytes of memory held, including the chunks of <see cref="KeepRest"/>. Never more than the limit.</summary>
    public int Held => _held;

    /// <summary>The number of packets that this queue has dropped.</summary>
    public long Lost { get; private set; }

    /// <summary>Adds a packet's frame.</summary>
    /// <param name="kind">The packet's kind.</param>
    /// <param name="sender">The hash of the sender's key.</param>
    /// <param name="prefix">The frame's header and keys.</param>
    /// <param name="packet">The packet.</param>
    /// <returns>False when the packet itself was dropped.</returns>
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

    /// <summary>Returns the frames to send next as one span, if only one lane has frames. They stay in the queue.</summary>
    /// <param name="scratch">Space for frames of several chunks; at least the size of the largest chunk.</param>
    /// <param name="run">Whole frames.</param>
    public bool TryPeekRun(Span<byte> scratch, out ReadOnlySpan<byte> run)
    {
        var lanes = First();
        var lane = lanes?.Current;
        run = lane is not null && lanes!.IsAlone ? lane.Run(scratch) : default;
        return !run.IsEmpty;
    }

    /// <summary>Removes the sent frames of a run.</summary>
    /// <param name="sent">The number of the run's bytes that were sent.</param>
    /// <param name="cut">Set to the rest of the frame that was sent in part.</param>
    /// <param name="tally">Counts the packets, including the one that was sent in part.</param>
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

    /// <summary>Removes frames from the lanes in turn, as many as fit.</summary>
    /// <param name="destination">Space for one frame at least.</param>
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

    /// <summary>Drops and counts all packets.</summary>
    public void Clear(DropReason reason)
    {
        while (First() is { } lanes && lanes.Current is { } lane)
        {
            Drop(lanes, lane, reason, ReferenceEquals(lanes, _disco) ? PacketKind.Disco : PacketKind.Other);
        }
    }

    /// <summary>
    /// Copies the rest of a frame that was sent in part, and so must be sent to its end. The copy counts against the limits. If memory is
    /// short, waiting packets are dropped, the oldest of the fullest lane first. Without waiting packets the pool goes above its limit.
    /// </summary>
    public Chunk KeepRest(ReadOnlySpan<byte> rest)
    {
        var chunk = Copy(rest);
        Shed();
        return chunk;
    }

    /// <summary>Returns a chunk of <see cref="KeepRest"/> to the pool.</summary>
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
        while ((_held > limits.Bytes || pool.IsOverLimit) && DropFullest(PacketKind.Disco))
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

            // A receiver may hold as much as is left for all, so a newcomer gets as much space as receivers with full queues.
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

    // A disco packet is dropped only for another disco packet.
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

    private void DropHead(LaneSet lanes, Lane lane, PacketKind kind) => Drop(lanes, lane, DropReason.QueueHead, kind);

    private void Drop(LaneSet lanes, Lane lane, DropReason reason, PacketKind kind)
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
