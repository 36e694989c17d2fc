using System.Runtime.CompilerServices;

namespace Edge.Telemetry;

/// <summary>The recorded values of one set of tags. Recording allocates nothing and is thread-safe.</summary>
internal abstract class PrometheusSeries
{
    /// <summary>Records a measurement of an integer instrument.</summary>
    public virtual void Record(long value) => Record((double)value);

    /// <summary>Records a measurement.</summary>
    public abstract void Record(double value);

    /// <summary>Adds the recorded values to a point of the scrape.</summary>
    public abstract void AddTo(PrometheusPoint point);

    /// <summary>A counter, or an up-down counter where <paramref name="monotonic"/> is false.</summary>
    internal sealed class Sum(bool monotonic) : PrometheusSeries
    {
        private const int WholeCell = 0;
        private const int RealCell = 1;
        private readonly PrometheusCells _cells = new(2);

        public override void Record(long value)
        {
            if (!monotonic || value > 0)
            {
                _cells.Add(WholeCell, value);
            }
        }

        public override void Record(double value)
        {
            // A single NaN would make the sum NaN for ever.
            if (double.IsFinite(value) && (!monotonic || value > 0))
            {
                _cells.Add(RealCell, value);
            }
        }

        public override void AddTo(PrometheusPoint point) => point.Value += _cells.Whole(WholeCell) + _cells.Real(RealCell);
    }

    /// <summary>A gauge, or the last value of an observable instrument.</summary>
    internal sealed class Last : PrometheusSeries
    {
        private double _value;

        public override void Record(double value) => Volatile.Write(ref _value, value);

        public override void AddTo(PrometheusPoint point) => point.Value += Volatile.Read(ref _value);
    }

    /// <summary>A histogram. A measurement equal to a boundary counts below it (<c>le</c>).</summary>
    internal sealed class Histogram(double[] boundaries) : PrometheusSeries
    {
        private readonly PrometheusCells _cells = new(boundaries.Length + 2);

        public override void Record(double value)
        {
            if (!double.IsFinite(value))
            {
                return;
            }

            var bucket = boundaries.AsSpan().BinarySearch(value);
            _cells.Add(bucket >= 0 ? bucket : ~bucket, 1L);
            _cells.Add(boundaries.Length + 1, value);
        }

        public override void AddTo(PrometheusPoint point)
        {
            point.Buckets ??= new long[boundaries.Length + 1];
            for (var i = 0; i <= boundaries.Length; i++)
            {
                point.Buckets[i] += _cells.Whole(i);
            }

            point.Value += _cells.Real(boundaries.Length + 1);
        }
    }
}

/// <summary>
/// An array of numbers to which many threads add at once. Each processor has a copy on its own cache lines, so that a counter in
/// the hot path causes no contention. A reader adds up the copies.
/// </summary>
internal sealed class PrometheusCells
{
    private const int LongsPerCacheLine = 8;
    private static readonly int Copies =
        (int)Math.Min(8, System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Environment.ProcessorCount));
    private readonly long[] _cells;
    private readonly int _stride;

    public PrometheusCells(int count)
    {
        _stride = (count + LongsPerCacheLine - 1) / LongsPerCacheLine * LongsPerCacheLine;
        _cells = new long[_stride * Copies];
    }

    /// <summary>Adds to a cell of whole numbers.</summary>
    public void Add(int cell, long value) => Interlocked.Add(ref Mine(cell), value);

    /// <summary>Adds to a cell of real numbers. A cell holds only one of both kinds.</summary>
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

/// <summary>The values of one set of labels in a scrape, added up over all instruments.</summary>
internal sealed class PrometheusPoint
{
    /// <summary>The value of a counter or gauge; the sum of a histogram.</summary>
    public double Value { get; set; }

    /// <summary>
    /// The number of measurements in each bucket of a histogram, not cumulative. The last bucket is above all
    /// boundaries.
    /// </summary>
    public long[]? Buckets { get; set; }
}

/// <summary>
/// The series of one instrument by their tags, in any order. Readers need no lock and allocate nothing: chains are immutable, and
/// one write publishes a new series or a larger table. When there are <paramref name="limit"/> series, measurements with new tags
/// go to one overflow series, so that a tag with unbounded values cannot exhaust memory.
/// </summary>
internal sealed class PrometheusTable(Func<PrometheusSeries> create, KeyValuePair<string, object?>[] constants, int limit)
{
    private readonly Lock _lock = new();
    private Node?[] _buckets = new Node?[16];
    private PrometheusSeries? _overflow;
    private int _count;

    /// <summary>The series for a set of tags. It is created when it is new and within the limit.</summary>
    public PrometheusSeries Find(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var hash = Hash(tags);
        return Look(Volatile.Read(ref _buckets), hash, tags) ?? Volatile.Read(ref _overflow) ?? Add(hash, tags);
    }

    /// <summary>Adds every series to the points of a scrape.</summary>
    public void AddTo(IDictionary<string, PrometheusPoint> points)
    {
        foreach (var head in Volatile.Read(ref _buckets))
        {
            for (var node = head; node is not null; node = node.Next)
            {
                AddTo(points, node.Labels, node.Series);
            }
        }

        if (Volatile.Read(ref _overflow) is { } overflow)
        {
            AddTo(points, PrometheusLabels.Overflow, overflow);
        }
    }

    /// <summary>Removes all series. Observable instruments report their current series at each scrape.</summary>
    public void Clear()
    {
        lock (_lock)
        {
            Volatile.Write(ref _buckets, new Node?[16]);
            Volatile.Write(ref _overflow, null);
            _count = 0;
        }
    }

    private static void AddTo(IDictionary<string, PrometheusPoint> points, string labels, PrometheusSeries series)
    {
        if (!points.TryGetValue(labels, out var point))
        {
            points[labels] = point = new PrometheusPoint();
        }

        series.AddTo(point);
    }

    private static PrometheusSeries? Look(Node?[] buckets, int hash, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        for (var node = buckets[hash & (buckets.Length - 1)]; node is not null; node = node.Next)
        {
            if (node.Hash == hash && Same(node.Tags, tags))
            {
                return node.Series;
            }
        }

        return null;
    }

    private PrometheusSeries Add(int hash, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        lock (_lock)
        {
            if (Look(_buckets, hash, tags) is { } found)
            {
                return found;
            }

            if (_count == limit)
            {
                _overflow ??= create();
                return _overflow;
            }

            if (_count == _buckets.Length)
            {
                Grow();
            }

            var node = new Node(hash, tags.ToArray(), PrometheusLabels.Format([.. constants, .. tags]), create());
            ref var head = ref _buckets[hash & (_buckets.Length - 1)];
            Volatile.Write(ref head, node with { Next = head });
            _count++;
            return node.Series;
        }
    }

    private void Grow()
    {
        var larger = new Node?[_buckets.Length * 2];
        foreach (var head in _buckets)
        {
            for (var node = head; node is not null; node = node.Next)
            {
                ref var place = ref larger[node.Hash & (larger.Length - 1)];
                place = node with { Next = place };
            }
        }

        Volatile.Write(ref _buckets, larger);
    }

    /// <summary>A sum of hashes, which does not depend on the order of tags. Hashes of strings have a random seed per process.</summary>
    private static int Hash(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var hash = 0;
        foreach (ref readonly var tag in tags)
        {
            hash += HashCode.Combine(tag.Key?.GetHashCode(StringComparison.Ordinal) ?? 0, tag.Value?.GetHashCode() ?? 0);
        }

        return hash;
    }

    private static bool Same(KeyValuePair<string, object?>[] mine, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        if (mine.Length != tags.Length)
        {
            return false;
        }

        for (var i = 0; i < mine.Length; i++)
        {
            if (!Same(mine[i], tags[i]) && !Contains(tags, mine[i]))
            {
                return false;
            }
        }

        return true;
    }

    private static bool Contains(ReadOnlySpan<KeyValuePair<string, object?>> tags, in KeyValuePair<string, object?> wanted)
    {
        foreach (ref readonly var tag in tags)
        {
            if (Same(tag, wanted))
            {
                return true;
            }
        }

        return false;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool Same(in KeyValuePair<string, object?> one, in KeyValuePair<string, object?> other) =>
        string.Equals(one.Key, other.Key, StringComparison.Ordinal) && Equals(one.Value, other.Value);

    private sealed record Node(int Hash, KeyValuePair<string, object?>[] Tags, string Labels, PrometheusSeries Series)
    {
        public Node? Next { get; init; }
    }
}
