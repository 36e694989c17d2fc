using Relay.Derp.Wire;

namespace Relay.Derp.Queues;

/// <summary>The frames of one sender that wait for one receiver, oldest first. Above 64 senders several share a lane.</summary>
internal sealed class Lane
{
    private Chunk? _head;
    private Chunk? _tail;

    /// <summary>The hash of the sender's key.</summary>
    public ulong Sender { get; set; }

    /// <summary>Whether other senders use the lane too.</summary>
    public bool IsShared { get; set; }

    /// <summary>Whether the lane is in the ring of lanes that take turns.</summary>
    public bool IsLinked { get; set; }

    /// <summary>The next lane in the ring.</summary>
    public Lane? Next { get; set; }

    /// <summary>The number of frames.</summary>
    public int Count { get; private set; }

    /// <summary>The bytes of the lane's chunks.</summary>
    public int Held { get; private set; }

    /// <summary>The frames in the first chunk.</summary>
    private ReadOnlySpan<byte> Front => _head is null ? default : _head.Frames;

    /// <summary>The size class of the chunk to add for a frame. Each chunk is larger than the one before.</summary>
    public int NextClass(int bytes)
    {
        var fitting = ChunkPool.ClassFor(bytes);
        return _tail is null ? fitting : Math.Max(fitting, Math.Min(_tail.SizeClass + 1, ChunkPool.Sizes.Length - 1));
    }

    public bool HasRoom(int bytes) => _tail is not null && _tail.Free >= bytes;

    public void Add(Chunk chunk)
    {
        Held += chunk.Buffer.Length;
        if (_tail is null)
        {
            _head = chunk;
        }
        else
        {
            _tail.Next = chunk;
        }

        _tail = chunk;
    }

    /// <summary>Reserves space for a frame in the last chunk.</summary>
    public Span<byte> Append(int bytes)
    {
        var span = _tail!.Buffer.AsSpan(_tail.Tail, bytes);
        _tail.Tail += bytes;
        Count++;
        return span;
    }

    /// <summary>Returns whole frames from the front as one span, without a copy if all are in one chunk.</summary>
    /// <param name="scratch">Space for a copy; at least the size of the largest chunk.</param>
    public ReadOnlySpan<byte> Run(Span<byte> scratch)
    {
        if (_head?.Next is null)
        {
            return Front;
        }

        var gathered = 0;
        for (var chunk = _head; chunk is not null && chunk.Frames.Length <= scratch.Length - gathered; chunk = chunk.Next)
        {
            chunk.Frames.CopyTo(scratch[gathered..]);
            gathered += chunk.Frames.Length;
        }

        return scratch[..gathered];
    }

    /// <summary>Returns the first frame.</summary>
    public ReadOnlySpan<byte> Peek()
    {
        var frames = Front;
        DerpFrameHeader.TryRead(frames, out var header);
        return frames[..(DerpProtocol.HeaderLength + (int)header.Length)];
    }

    /// <summary>Removes the first frame, and returns its chunk to the pool when the chunk is empty.</summary>
    public void Pop(int bytes, ChunkPool pool)
    {
        var chunk = _head!;
        chunk.Head += bytes;
        Count--;
        if (chunk.Head < chunk.Tail)
        {
            return;
        }

        _head = chunk.Next;
        if (_head is null)
        {
            _tail = null;
        }

        Held -= chunk.Buffer.Length;
        pool.Return(chunk);
    }
}
