using System.Runtime.CompilerServices;

namespace Edge.Telemetry;

/// <summary>
/// The series of one instrument, found by tags. Readers take no lock and allocate nothing: chains are immutable, and a new series or a
/// larger table is published with one write. The order of tags does not matter. When <paramref name="limit"/> series exist, whatever
/// is new goes to one overflow series, so that a tag with unbounded values cannot exhaust memory.
/// </summary>
internal sealed class PrometheusTable(Func<PrometheusSeries> create, KeyValuePair<string, object?>[] constants, int limit)
{
    private readonly Lock _lock = new();
    private Node?[] _buckets = new Node?[16];
    private PrometheusSeries? _overflow;
    private int _count;

    /// <summary>The series for a set of tags, made when it is new and there is room.</summary>
    public PrometheusSeries Find(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var hash = Hash(tags);
        return Look(Volatile.Read(ref _buckets), hash, tags) ?? Volatile.Read(ref _overflow) ?? Add(hash, tags);
    }

    /// <summary>Adds every series to the lines of a scrape.</summary>
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

    /// <summary>Forgets all series: an observable instrument reports them afresh at each scrape, without those that are gone.</summary>
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

    /// <summary>A sum over the tags, so that their order has no part in it; strings hash with the process's random seed.</summary>
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
