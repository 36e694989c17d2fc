using System.Collections.Concurrent;
using System.Data.Common;

namespace ControlPlane.Storage;

/// <summary>
/// What was read of the store and is still true: kept until anything in the store changes, by whichever process. To ask whether it has costs
/// far less than to read. Where the database cannot say, each read is a read.
/// </summary>
/// <param name="database">The store.</param>
/// <param name="read">Reads it; null for what is not there, which is not kept.</param>
internal sealed class Kept<TKey, TValue>(Database database, Func<DbConnection, TKey, TValue?> read)
    where TKey : notnull
    where TValue : class
{
    // With more than these, all are read anew.
    private const int Most = 1024;

    private readonly ConcurrentDictionary<TKey, Reading> _readings = new();

    public TValue? Get(TKey key)
    {
        // Before reading: what changes meanwhile may be in what is read or not, and the next one finds another mark.
        if (database.Engine.ChangeMark() is not { } mark)
        {
            return database.Read(connection => read(connection, key));
        }

        if (_readings.TryGetValue(key, out var known) && known.Mark == mark)
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
            if (_readings.Count >= Most)
            {
                _readings.Clear();
            }

            _readings[key] = new Reading(mark, value);
        }

        return value;
    }

    private sealed record Reading(long Mark, TValue Value);
}
