namespace Tailnet.Ip.Tcp;

/// <summary>
/// A ring buffer of a stream's bytes, in chunks that are allocated on demand. A position is the offset from the stream's first byte; it has
/// 64 bits and never wraps. The owner tracks which positions hold bytes.
/// </summary>
internal sealed class ByteRing
{
    private readonly BufferPool _pool;
    private readonly byte[]?[] _chunks;
    private long _first;
    private long _last = -1;

    /// <summary>Creates a ring for positions that are at most <paramref name="capacity"/> bytes apart.</summary>
    public ByteRing(BufferPool pool, int capacity)
    {
        _pool = pool;
        _chunks = new byte[(capacity / BufferPool.ChunkSize) + 2][];
    }

    /// <summary>Size of the ring's chunks in bytes.</summary>
    public long Held { get; private set; }

    /// <summary>Stores bytes, and returns how many were stored: fewer when the pool is full.</summary>
    public int Write(long position, ReadOnlySpan<byte> bytes)
    {
        var written = 0;
        while (written < bytes.Length)
        {
            var chunk = Rent((position + written) / BufferPool.ChunkSize);
            if (chunk is null)
            {
                break;
            }

            var offset = (int)((position + written) % BufferPool.ChunkSize);
            var length = Math.Min(bytes.Length - written, BufferPool.ChunkSize - offset);
            bytes.Slice(written, length).CopyTo(chunk.AsSpan(offset));
            written += length;
        }

        return written;
    }

    /// <summary>Copies stored bytes. The caller must have written all of them.</summary>
    public void Read(long position, Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            var chunk = _chunks[position / BufferPool.ChunkSize % _chunks.Length]!;
            var offset = (int)(position % BufferPool.ChunkSize);
            var length = Math.Min(destination.Length, BufferPool.ChunkSize - offset);
            chunk.AsSpan(offset, length).CopyTo(destination);
            destination = destination[length..];
            position += length;
        }
    }

    /// <summary>Returns the chunks that lie entirely below a position to the pool.</summary>
    public void ReleaseBelow(long position) => Release(position / BufferPool.ChunkSize);

    /// <summary>Returns all chunks to the pool.</summary>
    public void ReleaseAll() => Release(_last + 1);

    private void Release(long end)
    {
        for (; _first < end && _first <= _last; _first++)
        {
            ref var chunk = ref _chunks[_first % _chunks.Length];
            if (chunk is not null)
            {
                _pool.Return(chunk);
                Held -= BufferPool.ChunkSize;
                chunk = null;
            }
        }
    }

    private byte[]? Rent(long index)
    {
        // After ReleaseAll the next bytes may lie in the chunk before _first, or far beyond it.
        if (_first > _last || index < _first)
        {
            _first = index;
        }

        ref var chunk = ref _chunks[index % _chunks.Length];
        if (chunk is null)
        {
            chunk = _pool.TryRent();
            if (chunk is not null)
            {
                Held += BufferPool.ChunkSize;
            }
        }

        _last = Math.Max(_last, index);
        return chunk;
    }
}
