using Relay.Derp.Wire;

namespace Relay.Derp.Queues;

/// <summary>The frames of one sender (or, when there are too many senders, of a few) that wait for one receiver, oldest first.</summary>
internal sealed class Lane
{
    private Chunk? _head;
    private Chunk? _tail;

    /// <summary>Whose frames these are, by the hash of its key.</summary>
    public ulong Sender { get; set; }

    /// <summary>Whether it also has frames of other senders.</summary>
    public bool IsShared { get; set; }

    /// <summary>Whether it is in the ring of lanes that take turns.</summary>
    public bool IsLinked { get; set; }

    /// <summary>The next in that ring.</summary>
    public Lane? Next { get; set; }

    /// <summary>Frames that wait.</summary>
    public int Count { get; private set; }

    /// <summary>Bytes of the chunks held.</summary>
    public int Held { get; private set; }

    /// <summary>The frames that lie one behind the other at the front.</summary>
    private ReadOnlySpan<byte> Front => _head is null ? default : _head.Frames;

    /// <summary>The size of chunk to add for a frame of so many bytes: each is larger than the one before.</summary>
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

    /// <summary>Takes room for a frame in the last chunk.</summary>
    public Span<byte> Append(int bytes)
    {
        var span = _tail!.Buffer.AsSpan(_tail.Tail, bytes);
        _tail.Tail += bytes;
        Count++;
        return span;
    }

    /// <summary>Whole frames from the front, in one piece: where they lie when that is one chunk, otherwise gathered.</summary>
    /// <param name="scratch">Room for the largest chunk at least.</param>
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

    /// <summary>The first frame, whole.</summary>
    public ReadOnlySpan<byte> Peek()
    {
        var frames = Front;
        DerpFrameHeader.TryRead(frames, out var header);
        return frames[..(DerpProtocol.HeaderLength + (int)header.Length)];
    }

    /// <summary>Forgets the first frame, of so many bytes, and gives its chunk back when that was the last in it.</summary>
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
