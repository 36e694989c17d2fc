using Tailnet.Ip.Wire;

namespace Tailnet.Ip.Tcp;

/// <summary>
/// Disjoint ranges of stream positions in ascending order: the out-of-order data of a receiver, or the SACK scoreboard of a sender
/// (RFC 2018). The number of ranges is limited, because the peer chooses them.
/// </summary>
/// <param name="capacity">The most ranges.</param>
internal sealed class RangeSet(int capacity)
{
    private Range[] _ranges = [];
    private long _stamp;

    /// <summary>Number of ranges.</summary>
    public int Count { get; private set; }

    /// <summary>The position after the highest range; <see cref="long.MinValue"/> when there is none.</summary>
    public long End => Count == 0 ? long.MinValue : _ranges[Count - 1].End;

    /// <summary>Adds a range, and merges it with ranges that touch it. False when the set is full.</summary>
    /// <param name="start">The first position.</param>
    /// <param name="end">The position after the last, beyond <paramref name="start"/>.</param>
    /// <param name="added">Positions that were not covered before.</param>
    public bool TryAdd(long start, long end, out long added)
    {
        var first = FirstEndingAt(start);
        var after = first;
        added = end - start;
        while (after < Count && _ranges[after].Start <= end)
        {
            added -= Math.Max(0, Math.Min(end, _ranges[after].End) - Math.Max(start, _ranges[after].Start));
            after++;
        }

        if (after == first)
        {
            if (Count == capacity)
            {
                added = 0;
                return false;
            }

            Insert(first);
        }
        else
        {
            start = Math.Min(start, _ranges[first].Start);
            end = Math.Max(end, _ranges[after - 1].End);
            Remove(first + 1, after - first - 1);
        }

        _ranges[first] = new Range(start, end, ++_stamp);
        return true;
    }

    /// <summary>Removes everything below a position. True when a range covers the position itself.</summary>
    public bool RemoveBelow(long position)
    {
        var removed = 0;
        while (removed < Count && _ranges[removed].End <= position)
        {
            removed++;
        }

        Remove(0, removed);
        if (Count == 0 || _ranges[0].Start > position)
        {
            return false;
        }

        _ranges[0] = _ranges[0] with { Start = position };
        return true;
    }

    /// <summary>
    /// Removes the ranges that continue a position, and returns the end of the last; the position itself when there is none.
    /// </summary>
    public long TakeContiguous(long position)
    {
        while (Count > 0 && _ranges[0].Start <= position)
        {
            position = Math.Max(position, _ranges[0].End);
            Remove(0, 1);
        }

        return position;
    }

    /// <summary>
    /// Finds the first gap at or after <paramref name="from"/> and below <paramref name="to"/>. False when there is none.
    /// </summary>
    public bool TryFindGap(long from, long to, out long start, out long end)
    {
        start = from;
        var next = FirstEndingAt(from + 1);
        while (next < Count && _ranges[next].Start <= start)
        {
            start = _ranges[next++].End;
        }

        end = next < Count ? Math.Min(to, _ranges[next].Start) : to;
        return start < to;
    }

    /// <summary>Number of covered positions from <paramref name="from"/> to below <paramref name="to"/>.</summary>
    public long Covered(long from, long to)
    {
        long covered = 0;
        for (var i = 0; i < Count && _ranges[i].Start < to; i++)
        {
            covered += Math.Max(0, Math.Min(to, _ranges[i].End) - Math.Max(from, _ranges[i].Start));
        }

        return covered;
    }

    /// <summary>
    /// The position below which every gap counts as lost (RFC 6675 §4, IsLost). It is the start of the highest range that forms, together
    /// with the ranges above it, <paramref name="ranges"/> ranges or more than <paramref name="bytes"/> bytes; else
    /// <see cref="long.MinValue"/>.
    /// </summary>
    public long LostBelow(int ranges, long bytes)
    {
        long covered = 0;
        for (var i = Count - 1; i >= 0; i--)
        {
            covered += _ranges[i].End - _ranges[i].Start;
            if (Count - i >= ranges || covered > bytes)
            {
                return _ranges[i].Start;
            }
        }

        return long.MinValue;
    }

    /// <summary>Removes the range that was added or extended longest ago.</summary>
    public void RemoveOldest()
    {
        var oldest = 0;
        for (var i = 1; i < Count; i++)
        {
            oldest = _ranges[i].Stamp < _ranges[oldest].Stamp ? i : oldest;
        }

        Remove(oldest, Math.Min(Count, 1));
    }

    /// <summary>Adds the ranges as SACK blocks, the most recently added or extended one first (RFC 2018 §4).</summary>
    /// <param name="options">The header's options.</param>
    /// <param name="max">The most blocks.</param>
    /// <param name="origin">The sequence number of position 0.</param>
    public void AddSackBlocks(ref TcpOptions options, int max, uint origin)
    {
        var below = long.MaxValue;
        for (; max > 0; max--)
        {
            var newest = -1;
            for (var i = 0; i < Count; i++)
            {
                if (_ranges[i].Stamp < below && (newest < 0 || _ranges[i].Stamp > _ranges[newest].Stamp))
                {
                    newest = i;
                }
            }

            if (newest < 0)
            {
                return;
            }

            below = _ranges[newest].Stamp;
            options.AddSack(new SackBlock(origin + (uint)_ranges[newest].Start, origin + (uint)_ranges[newest].End));
        }
    }

    /// <summary>Removes all ranges.</summary>
    public void Clear() => Count = 0;

    /// <summary>The index of the first range that ends at or after a position.</summary>
    private int FirstEndingAt(long position)
    {
        var (low, high) = (0, Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = _ranges[middle].End < position ? (middle + 1, high) : (low, middle);
        }

        return low;
    }

    private void Insert(int index)
    {
        if (Count == _ranges.Length)
        {
            Array.Resize(ref _ranges, Math.Min(capacity, Math.Max(8, 2 * Count)));
        }

        Array.Copy(_ranges, index, _ranges, index + 1, Count - index);
        Count++;
    }

    private void Remove(int index, int count)
    {
        if (count > 0)
        {
            Array.Copy(_ranges, index + count, _ranges, index, Count - index - count);
            Count -= count;
        }
    }

    private readonly record struct Range(long Start, long End, long Stamp);
}
