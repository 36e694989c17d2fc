using System.Collections.Concurrent;
using System.Data.Common;

namespace ControlPlane.Storage;

/// <summary>
/// A read-through cache of the database. An entry is valid while the version is the one of its query, and for at most <see cref="MaxAge"/>.
/// Without a version each call is a query.
/// </summary>
/// <param name="database">The database.</param>
/// <param name="time">The clock.</param>
/// <param name="read">Queries one value. A missing value, null, is not cached.</param>
/// <param name="version">
/// A number that changes when cached values may have changed: <see cref="DatabaseEngine.DataVersion"/>, or the count of change notices.
/// Null when it is unknown.
/// </param>
/// <param name="capacity">The most entries. A new entry beyond it evicts the oldest.</param>
internal sealed class ReadThroughCache<TKey, TValue>(
    Database database, TimeProvider time, Func<DbConnection, TKey, ValueTask<TValue?>> read, Func<long?> version, int capacity = 1024)
    where TKey : notnull
    where TValue : class
{
    /// <summary>
    /// The longest time for which a change without a new version stays unseen: after a lost notice, or by another process on the same
    /// SQLite file.
    /// </summary>
    public static readonly TimeSpan MaxAge = TimeSpan.FromSeconds(15);

    private readonly Lock _lock = new();
    private readonly ConcurrentDictionary<TKey, Entry> _entries = new();
    private readonly Queue<TKey> _insertions = new();

    public ValueTask<TValue?> GetAsync(TKey key)
    {
        // Both are taken before the query: the result may lack a change during the query, and the next call then finds another version.
        var (now, current) = (time.GetTimestamp(), version());
        if (current is not { } known)
        {
            return database.ReadAsync(connection => read(connection, key));
        }

        return _entries.TryGetValue(key, out var entry) && entry.Version == known && time.GetElapsedTime(entry.ReadAt, now) < MaxAge
            ? new ValueTask<TValue?>(entry.Value)
            : ReadAsync(key, known, now);
    }

    /// <summary>Evicts an entry, so that the next call queries it again.</summary>
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
