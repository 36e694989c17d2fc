using System.Numerics;

namespace Edge.RateLimiting;

/// <summary>
/// A hash table of fixed size, set-associative like a processor's cache: a key may have one of <see cref="Ways"/> places in the set
/// that its hash selects. When all are taken, the entry with the lowest priority is evicted. Memory never grows.
/// </summary>
/// <typeparam name="T">The value of a key.</typeparam>
internal sealed class SetTable<T>
    where T : struct
{
    /// <summary>Number of places of a set.</summary>
    public const int Ways = 4;

    private const int Locks = 64;

    private readonly Entry[] _entries;
    private readonly Lock[] _locks = [.. Enumerable.Range(0, Locks).Select(static _ => new Lock())];
    private readonly int _mask;

    /// <param name="sets">Number of sets; a power of two.</param>
    public SetTable(int sets)
    {
        if (!BitOperations.IsPow2(sets))
        {
            throw new ArgumentOutOfRangeException(nameof(sets), sets, "The number of sets must be a power of two.");
        }

        _mask = sets - 1;
        _entries = new Entry[sets * Ways];
    }

    /// <summary>Reads or changes one value under its set's lock.</summary>
    public delegate TResult Visit<TArg, TResult>(ref T value, TArg arg);

    /// <summary>Most entries.</summary>
    public int Capacity => _entries.Length;

    /// <summary>Visits the key's value. A new key gets a default value, in place of the entry with the lowest priority.</summary>
    /// <param name="key">A keyed hash, so that clients cannot choose the set.</param>
    /// <param name="visit">Runs under a lock and must not block.</param>
    /// <param name="priority">The priority of an entry. Free places are used first, then the one with the lowest priority.</param>
    /// <param name="arg">The argument of both functions.</param>
    public TResult Upsert<TArg, TResult>(UInt128 key, Visit<TArg, TResult> visit, Func<T, TArg, long> priority, TArg arg)
    {
        var set = SetOf(key, out var guard);
        lock (guard)
        {
            var places = _entries.AsSpan(set, Ways);
            var lowest = 0;
            var lowestPriority = long.MaxValue;
            for (var i = 0; i < Ways; i++)
            {
                if (places[i].Key == key)
                {
                    return visit(ref places[i].Value, arg);
                }

                var value = places[i].Key == UInt128.Zero ? long.MinValue : priority(places[i].Value, arg);
                if (value < lowestPriority)
                {
                    (lowest, lowestPriority) = (i, value);
                }
            }

            places[lowest] = new Entry { Key = key };
            return visit(ref places[lowest].Value, arg);
        }
    }

    /// <summary>Visits the key's value if the key is in the table.</summary>
    public bool TryVisit<TArg>(UInt128 key, Visit<TArg, bool> visit, TArg arg)
    {
        var set = SetOf(key, out var guard);
        lock (guard)
        {
            foreach (ref var place in _entries.AsSpan(set, Ways))
            {
                if (place.Key == key)
                {
                    return visit(ref place.Value, arg);
                }
            }

            return false;
        }
    }

    public void Remove(UInt128 key)
    {
        var set = SetOf(key, out var guard);
        lock (guard)
        {
            foreach (ref var place in _entries.AsSpan(set, Ways))
            {
                if (place.Key == key)
                {
                    place = default;
                }
            }
        }
    }

    private int SetOf(UInt128 key, out Lock guard)
    {
        var set = (int)(key & (UInt128)_mask);
        guard = _locks[set % Locks];
        return set * Ways;
    }

    private struct Entry
    {
        /// <summary>Zero for a free place. No hash is zero.</summary>
        public UInt128 Key;
        public T Value;
    }
}
