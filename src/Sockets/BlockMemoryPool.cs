using System.Buffers;
using System.Collections.Concurrent;

namespace Sockets;

/// <summary>A memory pool of blocks of one size, for pipes.</summary>
public sealed class BlockMemoryPool : MemoryPool<byte>
{
    // 16 MiB; what is above that is left to the garbage collector.
    private const int KeptBytes = 16 * 1024 * 1024;

    private readonly ConcurrentQueue<Owner> _free = new();
    private readonly int _blockSize;

    private BlockMemoryPool(int blockSize) => _blockSize = blockSize;

    /// <summary>
    /// Blocks of 16 KiB, one TLS record, for the pipes over TLS and the HTTP layer: blocks of 4 KiB would make four reads and four frames of every record.
    /// </summary>
    public static new BlockMemoryPool Shared { get; } = new(16 * 1024);

    /// <inheritdoc/>
    public override int MaxBufferSize => _blockSize;

    /// <inheritdoc/>
    public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(minBufferSize, _blockSize);
        var owner = _free.TryDequeue(out var free) ? free : new Owner(this);
        owner.IsLent = true;
        return owner;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
    }

    private void Return(Owner owner)
    {
        if (_free.Count < KeptBytes / _blockSize)
        {
            _free.Enqueue(owner);
        }
    }

    private sealed class Owner(BlockMemoryPool pool) : IMemoryOwner<byte>
    {
        private readonly byte[] _bytes = GC.AllocateUninitializedArray<byte>(pool._blockSize);
        private int _isLent;

        public Memory<byte> Memory => _bytes;

        public bool IsLent
        {
            set => Volatile.Write(ref _isLent, value ? 1 : 0);
        }

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _isLent, 0) == 1)
            {
                pool.Return(this);
            }
        }
    }
}
