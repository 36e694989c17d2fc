namespace Tailnet.Ip.Tcp;

/// <summary>
/// Chunks of memory for the send and receive buffers of the connections of a stack, within one limit. The pool keeps at most 256 free
/// chunks, so that steady traffic allocates nothing. The pool is not thread-safe.
/// </summary>
/// <param name="limit">The most bytes in use at a time.</param>
internal sealed class BufferPool(long limit)
{
    /// <summary>Size of a chunk in bytes.</summary>
    public const int ChunkSize = 4096;

    private const int MaxFree = 256;

    private readonly Stack<byte[]> _free = new(MaxFree);

    /// <summary>Bytes in use.</summary>
    public long Held { get; private set; }

    /// <summary>Whether more than half of the limit is in use. Receive windows are then not extended.</summary>
    public bool IsTight => Held > limit / 2;

    /// <summary>Whether the pool has no chunk left. New connections are then refused.</summary>
    public bool IsFull => Held + ChunkSize > limit;

    /// <summary>A chunk with arbitrary content, or null at the limit.</summary>
    public byte[]? TryRent()
    {
        if (IsFull)
        {
            return null;
        }

        Held += ChunkSize;
        return _free.TryPop(out var chunk) ? chunk : GC.AllocateUninitializedArray<byte>(ChunkSize);
    }

    public void Return(byte[] chunk)
    {
        Held -= ChunkSize;
        if (_free.Count < MaxFree)
        {
            _free.Push(chunk);
        }
    }
}
