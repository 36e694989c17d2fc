namespace Sockets;

/// <summary>
/// The buffers of all sockets. Connections hold them only while bytes lie in them, so the few that are kept serve many connections, and
/// what one thread gave back last it gets first, while it is still in the processor's cache.
/// </summary>
internal static class BlockPool
{
    /// <summary>For heads of requests and leftovers: what a peer may make a connection hold for nothing.</summary>
    public const int Small = 4 * 1024;

    /// <summary>For everything that flows. 16 KiB pours at 1.05 × HAProxy's cost, 64 KiB at 0.7 ×; below the large object heap.</summary>
    public const int Large = 64 * 1024;

    // 16 MiB of each; what is above that is left to the garbage collector.
    private const int SmallKept = 4096;
    private const int LargeKept = 256;

    private static readonly Stack<Block> SmallFree = new();
    private static readonly Stack<Block> LargeFree = new();

    [ThreadStatic]
    private static Block? _small;

    [ThreadStatic]
    private static Block? _large;

    public static Block RentSmall() => Take(ref _small) ?? Pop(SmallFree) ?? Create(Small);

    public static Block RentLarge() => Take(ref _large) ?? Pop(LargeFree) ?? Create(Large);

    /// <summary>A block with room for so many bytes, which may be more than a large one has; it is not pooled then.</summary>
    public static Block Rent(int bytes) => bytes <= Small ? RentSmall() : bytes <= Large ? RentLarge() : Create(bytes);

    public static void Return(Block block)
    {
        var size = block.Bytes.Length;
        block.Clear();
        if (size == Large)
        {
            Put(block, ref _large, LargeFree, LargeKept);
        }
        else if (size == Small)
        {
            Put(block, ref _small, SmallFree, SmallKept);
        }
    }

    private static Block Create(int bytes) => new(GC.AllocateUninitializedArray<byte>(bytes));

    private static Block? Take(ref Block? cached)
    {
        var block = cached;
        cached = null;
        return block;
    }

    private static Block? Pop(Stack<Block> free)
    {
        lock (free)
        {
            return free.TryPop(out var block) ? block : null;
        }
    }

    private static void Put(Block block, ref Block? cached, Stack<Block> free, int kept)
    {
        if (cached is null)
        {
            cached = block;
            return;
        }

        lock (free)
        {
            if (free.Count < kept)
            {
                free.Push(block);
            }
        }
    }
}
