using System.Buffers;
using System.Collections.Concurrent;

namespace Sockets;

/// <summary>A memory pool of blocks of one size, for pipes.</summary>
public sealed class BlockMemoryPool : MemoryPool<byte>
{
    // The most free bytes. Further blocks are left to the garbage collector.
    private const int MaxFreeBytes = 16 * 1024 * 1024;

    private readonly ConcurrentQueue<Owner> _free = new();
    private readonly int _blockSize;

    private BlockMemoryPool(int blockSize) => _blockSize = blockSize;

    /// <summary>
    /// Blocks of 16 KiB, the size of a TLS record, for the pipes over TLS and of the HTTP layer. Blocks of 4 KiB would make four reads and
    /// four frames of every record.
    /// </summary>
    public static new BlockMemoryPool Shared { get; } = new(16 * 1024);

    /// <inheritdoc/>
    public override int MaxBufferSize => _blockSize;

    /// <inheritdoc/>
    public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(minBufferSize, _blockSize);
        var owner = _free.TryDequeue(out var free) ? free : new Owner(this);
        owner.IsRented = true;
        return owner;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
    }

    private void Return(Owner owner)
    {
        if (_free.Count < MaxFreeBytes / _blockSize)
        {
            _free.Enqueue(owner);
        }
    }

    private sealed class Owner(BlockMemoryPool pool) : IMemoryOwner<byte>
    {
        private readonly byte[] _bytes = GC.AllocateUninitializedArray<byte>(pool._blockSize);
        private int _isRented;

        public Memory<byte> Memory => _bytes;

        public bool IsRented
        {
            set => Volatile.Write(ref _isRented, value ? 1 : 0);
        }

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _isRented, 0) == 1)
            {
                pool.Return(this);
            }
        }
    }
}
