namespace Relay.Derp.Queues;

/// <summary>
/// The memory of all receivers' queues: chunks of four sizes, none of them on the large object heap. The pool counts the rented bytes and
/// keeps them below a limit.
/// </summary>
/// <param name="limit">The most bytes rented at once.</param>
internal sealed class ChunkPool(long limit)
{
    /// <summary>The chunk sizes. The largest holds the longest frame; 31 of these fit into a receiver's default limit of 2 MiB.</summary>
    public static readonly int[] Sizes = [2 * 1024, 8 * 1024, 32 * 1024, 66_048];

    // The most free chunks of each size. Further ones are left to the garbage collector.
    private static readonly int[] MaxFree = [1024, 512, 256, 64];

    private readonly Stack<Chunk>[] _free = [new(), new(), new(), new()];
    private long _rented;

    /// <summary>The bytes rented.</summary>
    public long Rented => Volatile.Read(ref _rented);

    /// <summary>Whether more bytes are rented than the limit.</summary>
    public bool IsOverLimit => Rented > limit;

    /// <summary>The bytes left below the limit.</summary>
    public long Available => Math.Max(0, limit - Rented);

    /// <summary>Returns the smallest size class that holds a number of bytes.</summary>
    public static int ClassFor(int bytes)
    {
        var sizeClass = 0;
        while (Sizes[sizeClass] < bytes)
        {
            sizeClass++;
        }

        return sizeClass;
    }

    /// <summary>Rents a chunk; null at the limit.</summary>
    public Chunk? TryRent(int sizeClass)
    {
        if (Interlocked.Add(ref _rented, Sizes[sizeClass]) > limit)
        {
            Interlocked.Add(ref _rented, -Sizes[sizeClass]);
            return null;
        }

        return Take(sizeClass);
    }

    /// <summary>Rents a chunk even above the limit, for the rest of a frame that must be sent to its end.</summary>
    public Chunk Rent(int sizeClass)
    {
        Interlocked.Add(ref _rented, Sizes[sizeClass]);
        return Take(sizeClass);
    }

    private Chunk Take(int sizeClass)
    {
        var free = _free[sizeClass];
        lock (free)
        {
            if (free.TryPop(out var chunk))
            {
                return chunk;
            }
        }

        return new Chunk(sizeClass, Sizes[sizeClass]);
    }

    public void Return(Chunk chunk)
    {
        (chunk.Head, chunk.Tail, chunk.Next) = (0, 0, null);
        Interlocked.Add(ref _rented, -chunk.Buffer.Length);
        var free = _free[chunk.SizeClass];
        lock (free)
        {
            if (free.Count < MaxFree[chunk.SizeClass])
            {
                free.Push(chunk);
            }
        }
    }
}
