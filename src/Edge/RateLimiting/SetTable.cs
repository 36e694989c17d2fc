using System.Numerics;

namespace Edge.RateLimiting;

/// <summary>
/// A table of fixed size, made once: a key may be in one of <see cref="Ways"/> places of the set that its hash picks, and when all are
/// taken, the entry that is worth least gives way. Memory never grows, whatever keys arrive.
/// </summary>
/// <typeparam name="T">What is remembered of a key.</typeparam>
internal sealed class SetTable<T>
    where T : struct
{
    /// <summary>Places of a set.</summary>
    public const int Ways = 4;

    private const int Locks = 64;

    private readonly Entry[] _entries;
    private readonly Lock[] _locks = [.. Enumerable.Range(0, Locks).Select(static _ => new Lock())];
    private readonly int _mask;

    /// <param name="sets">A power of two.</param>
    public SetTable(int sets)
    {
        if (!BitOperations.IsPow2(sets))
        {
            throw new ArgumentOutOfRangeException(nameof(sets), sets, "A power of two is needed.");
        }

        _mask = sets - 1;
        _entries = new Entry[sets * Ways];
    }

    /// <summary>Looks at or changes one value while nobody else does.</summary>
    public delegate TResult Visit<TArg, TResult>(ref T value, TArg arg);

    /// <summary>The most entries that it can hold.</summary>
    public int Capacity => _entries.Length;

    /// <summary>Visits the key's value, a fresh one if need be; then the entry of the lowest worth gives way.</summary>
    /// <param name="key">A keyed hash, so that clients cannot choose the set.</param>
    /// <param name="visit">Runs under a lock; must not block.</param>
    /// <param name="worth">How much an entry is worth; the least is replaced, free places first.</param>
    /// <param name="arg">Passed to both.</param>
    public TResult Upsert<TArg, TResult>(UInt128 key, Visit<TArg, TResult> visit, Func<T, TArg, long> worth, TArg arg)
    {
        var set = SetOf(key, out var guard);
        lock (guard)
        {
            var places = _entries.AsSpan(set, Ways);
            var least = 0;
            var leastWorth = long.MaxValue;
            for (var i = 0; i < Ways; i++)
            {
                if (places[i].Key == key)
                {
                    return visit(ref places[i].Value, arg);
                }

                var value = places[i].Key == UInt128.Zero ? long.MinValue : worth(places[i].Value, arg);
                if (value < leastWorth)
                {
                    (least, leastWorth) = (i, value);
                }
            }

            places[least] = new Entry { Key = key };
            return visit(ref places[least].Value, arg);
        }
    }

    /// <summary>Visits the key's value if there is one.</summary>
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
        /// <summary>Zero when the place is free; no hash is zero.</summary>
        public UInt128 Key;
        public T Value;
    }
}
