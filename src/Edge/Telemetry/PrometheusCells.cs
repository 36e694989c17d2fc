namespace Edge.Telemetry;

/// <summary>
/// A row of numbers that many threads add to at once. Each processor has its own copy, on its own cache lines, so that a counter in the
/// hot path does not make all processors wait for one line; a reader adds the copies up.
/// </summary>
internal sealed class PrometheusCells
{
    private const int LongsPerCacheLine = 8;
    private static readonly int Copies = (int)Math.Min(8, System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Environment.ProcessorCount));
    private readonly long[] _cells;
    private readonly int _stride;

    public PrometheusCells(int count)
    {
        _stride = (count + LongsPerCacheLine - 1) / LongsPerCacheLine * LongsPerCacheLine;
        _cells = new long[_stride * Copies];
    }

    /// <summary>Adds to a cell of whole numbers.</summary>
    public void Add(int cell, long value) => Interlocked.Add(ref Mine(cell), value);

    /// <summary>Adds to a cell of real numbers; a cell is used for one kind only.</summary>
    public void Add(int cell, double value)
    {
        ref var bits = ref Mine(cell);
        var seen = Volatile.Read(ref bits);
        while (true)
        {
            var next = BitConverter.DoubleToInt64Bits(BitConverter.Int64BitsToDouble(seen) + value);
            var found = Interlocked.CompareExchange(ref bits, next, seen);
            if (found == seen)
            {
                return;
            }

            seen = found;
        }
    }

    /// <summary>The total of a cell of whole numbers.</summary>
    public long Whole(int cell)
    {
        long sum = 0;
        for (var i = cell; i < _cells.Length; i += _stride)
        {
            sum += Volatile.Read(ref _cells[i]);
        }

        return sum;
    }

    /// <summary>The total of a cell of real numbers.</summary>
    public double Real(int cell)
    {
        double sum = 0;
        for (var i = cell; i < _cells.Length; i += _stride)
        {
            sum += BitConverter.Int64BitsToDouble(Volatile.Read(ref _cells[i]));
        }

        return sum;
    }

    private ref long Mine(int cell) => ref _cells[((Thread.GetCurrentProcessorId() & (Copies - 1)) * _stride) + cell];
}
