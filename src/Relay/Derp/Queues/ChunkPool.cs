namespace Relay.Derp.Queues;

/// <summary>
/// The memory in which packets wait, for all receivers together: four sizes of chunk, none of them on the large object heap,
/// and an account of what is lent, so that the whole stays below a bound.
/// </summary>
/// <param name="limit">The most bytes lent at once.</param>
internal sealed class ChunkPool(long limit)
{
    /// <summary>The largest size holds the longest frame, and 31 of it go into the default of 2 MiB a receiver.</summary>
    public static readonly int[] Sizes = [2 * 1024, 8 * 1024, 32 * 1024, 66_048];

    // What is kept for reuse. More than this is left to the garbage collector.
    private static readonly int[] Kept = [1024, 512, 256, 64];

    private readonly Stack<Chunk>[] _free = [new(), new(), new(), new()];
    private long _lent;

    /// <summary>The bytes lent.</summary>
    public long Lent => Volatile.Read(ref _lent);

    /// <summary>Whether more is lent than the bound.</summary>
    public bool IsOverdrawn => Lent > limit;

    /// <summary>The bytes that may still be lent.</summary>
    public long Available => Math.Max(0, limit - Lent);

    /// <summary>The smallest size that holds so many bytes.</summary>
    public static int ClassFor(int bytes)
    {
        var sizeClass = 0;
        while (Sizes[sizeClass] < bytes)
        {
            sizeClass++;
        }

        return sizeClass;
    }

    /// <summary>Lends a chunk; null when the bound is reached.</summary>
    public Chunk? TryRent(int sizeClass)
    {
        if (Interlocked.Add(ref _lent, Sizes[sizeClass]) > limit)
        {
            Interlocked.Add(ref _lent, -Sizes[sizeClass]);
            return null;
        }

        return Take(sizeClass);
    }

    /// <summary>Lends a chunk even above the bound, for the one piece of each connection that has to be kept.</summary>
    public Chunk Rent(int sizeClass)
    {
        Interlocked.Add(ref _lent, Sizes[sizeClass]);
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
        Interlocked.Add(ref _lent, -chunk.Buffer.Length);
        var free = _free[chunk.SizeClass];
        lock (free)
        {
            if (free.Count < Kept[chunk.SizeClass])
            {
                free.Push(chunk);
            }
        }
    }
}
