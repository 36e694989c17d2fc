using System.Collections.Concurrent;
using System.Data.Common;

namespace ControlPlane.Storage;

/// <summary>
/// A read-through cache of the store. An entry is used while the version is the one that it was read at, and for at most
/// <see cref="MaxAge"/>. Where there is no version each read is a query.
/// </summary>
/// <param name="database">The store.</param>
/// <param name="time">The clock.</param>
/// <param name="read">Reads one value; null for what is not there, which is not kept.</param>
/// <param name="version">
/// Another number once something has changed that may matter: <see cref="DatabaseEngine.DataVersion"/>, or the count of change notices. Null: not known.
/// </param>
/// <param name="capacity">The most entries. One more takes the place of the oldest.</param>
internal sealed class ReadThroughCache<TKey, TValue>(
    Database database, TimeProvider time, Func<DbConnection, TKey, ValueTask<TValue?>> read, Func<long?> version, int capacity = 1024)
    where TKey : notnull
    where TValue : class
{
    /// <summary>How long a change stays unseen at most that no version tells of: a lost notice, another process on the same SQLite file.</summary>
    public static readonly TimeSpan MaxAge = TimeSpan.FromSeconds(15);

    private readonly Lock _lock = new();
    private readonly ConcurrentDictionary<TKey, Entry> _entries = new();
    private readonly Queue<TKey> _insertions = new();

    public ValueTask<TValue?> GetAsync(TKey key)
    {
        // Both before the query: a change during the query may be in the result or not, and the next call finds another version.
        var (now, current) = (time.GetTimestamp(), version());
        if (current is not { } known)
        {
            return database.ReadAsync(connection => read(connection, key));
        }

        return _entries.TryGetValue(key, out var entry) && entry.Version == known && time.GetElapsedTime(entry.ReadAt, now) < MaxAge
            ? new ValueTask<TValue?>(entry.Value)
            : ReadAsync(key, known, now);
    }

    /// <summary>The next call reads it again.</summary>
    public void Remove(TKey key) => _entries.TryRemove(key, out _);

    private async ValueTask<TValue?> ReadAsync(TKey key, long known, long now)
    {
        var value = await database.ReadAsync(connection => read(connection, key));
        if (value is null)
        {
            Remove(key);
        }
        else
        {
            Set(key, new Entry(known, now, value));
        }

        return value;
    }

    private void Set(TKey key, Entry entry)
    {
        lock (_lock)
        {
            if (!_entries.ContainsKey(key))
            {
                _insertions.Enqueue(key);
                if (_insertions.Count > capacity)
                {
                    Remove(_insertions.Dequeue());
                }
            }

            _entries[key] = entry;
        }
    }

    private sealed record Entry(long Version, long ReadAt, TValue Value);
}
