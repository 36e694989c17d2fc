using System.Collections.Concurrent;
using System.Data.Common;

namespace ControlPlane.Storage;

/// <summary>
/// What was read of the store and is still true: kept until anything in the store changes that can matter to it, by whichever process. To ask
/// whether it has costs far less than to read. Where the database cannot say, each read is a read.
/// </summary>
/// <param name="database">The store.</param>
/// <param name="read">Reads it; null for what is not there, which is not kept.</param>
/// <param name="mark">Another number when it may have changed; without it, when anything has (<see cref="DatabaseEngine.ChangeMark"/>).</param>
/// <param name="most">With more than these, all are read anew.</param>
internal sealed class Kept<TKey, TValue>(
    Database database, Func<DbConnection, TKey, TValue?> read, Func<long?>? mark = null, int most = 1024)
    where TKey : notnull
    where TValue : class
{
    private readonly Func<long?> _mark = mark ?? database.Engine.ChangeMark;
    private readonly ConcurrentDictionary<TKey, Reading> _readings = new();

    public TValue? Get(TKey key)
    {
        // Before reading: what changes meanwhile may be in what is read or not, and the next one finds another mark.
        if (_mark() is not { } now)
        {
            return database.Read(connection => read(connection, key));
        }

        if (_readings.TryGetValue(key, out var known) && known.Mark == now)
        {
            return known.Value;
        }

        var value = database.Read(connection => read(connection, key));
        if (value is null)
        {
            _readings.TryRemove(key, out _);
        }
        else
        {
            if (_readings.Count >= most)
            {
                _readings.Clear();
            }

            _readings[key] = new Reading(now, value);
        }

        return value;
    }

    private sealed record Reading(long Mark, TValue Value);
}
