namespace Tailnet.Ip.Tcp;

/// <summary>
/// Bytes of a stream by position, in chunks that exist only where bytes are. Positions count from the stream's first byte and never wrap.
/// The ring does not know which bytes are there: its owner does.
/// </summary>
internal sealed class ByteRing
{
    private readonly BufferPool _pool;
    private readonly byte[]?[] _chunks;
    private long _first;
    private long _last = -1;

    /// <summary>A ring for positions that are at most <paramref name="capacity"/> bytes apart.</summary>
    public ByteRing(BufferPool pool, int capacity)
    {
        _pool = pool;
        _chunks = new byte[(capacity / BufferPool.ChunkSize) + 2][];
    }

    /// <summary>Bytes of memory in use.</summary>
    public long Held { get; private set; }

    /// <summary>Stores bytes, and returns how many: fewer when the pool is at its bound.</summary>
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

    /// <summary>Copies bytes that the owner knows to be there.</summary>
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

    /// <summary>Gives back the chunks that lie wholly below a position.</summary>
    public void ReleaseBelow(long position) => Release(position / BufferPool.ChunkSize);

    /// <summary>Gives back everything.</summary>
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
        // After everything was given back, the next bytes may lie in a chunk below the mark, or far beyond it.
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
