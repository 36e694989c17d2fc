namespace Tailnet.Ip.Tcp;

/// <summary>
/// Chunks of memory for the send and receive buffers of connections that share a lock, within one bound. Free chunks are kept up to a small
/// number, so that steady traffic allocates nothing. Not for concurrent use.
/// </summary>
/// <param name="limit">Most bytes that may be in use at a time.</param>
internal sealed class BufferPool(long limit)
{
    /// <summary>Size of a chunk in bytes.</summary>
    public const int ChunkSize = 4096;

    private const int Spare = 256;

    private readonly Stack<byte[]> _free = new(Spare);

    /// <summary>Bytes in use.</summary>
    public long Held { get; private set; }

    /// <summary>More than half is in use: receive windows are not opened further.</summary>
    public bool IsTight => Held > limit / 2;

    /// <summary>Everything is in use: new connections are refused.</summary>
    public bool IsFull => Held + ChunkSize > limit;

    /// <summary>A chunk with any content, or null at the bound.</summary>
    public byte[]? TryRent()
    {
        if (IsFull)
        {
            return null;
        }

        Held += ChunkSize;
        return _free.TryPop(out var chunk) ? chunk : GC.AllocateUninitializedArray<byte>(ChunkSize);
    }

    /// <summary>Takes back a chunk.</summary>
    public void Return(byte[] chunk)
    {
        Held -= ChunkSize;
        if (_free.Count < Spare)
        {
            _free.Push(chunk);
        }
    }
}
