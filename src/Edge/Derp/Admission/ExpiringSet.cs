using Relay.Derp;

namespace Edge.Derp.Admission;

/// <summary>
/// A bounded set of clients in which each entry has the same lifetime. The oldest entry is evicted first. Not thread-safe.
/// </summary>
/// <param name="capacity">Most entries.</param>
/// <param name="lifetime">Lifetime of an entry; zero means that the set stays empty.</param>
/// <param name="time">The clock.</param>
internal sealed class ExpiringSet(int capacity, TimeSpan lifetime, TimeProvider time)
{
    private readonly Dictionary<DerpAdmissionRequest, LinkedListNode<Entry>> _entries = [];
    private readonly LinkedList<Entry> _byAge = new();

    /// <summary>Number of entries, including expired ones that were not removed yet.</summary>
    public int Count => _entries.Count;

    public bool Contains(DerpAdmissionRequest client) => _entries.TryGetValue(client, out var node) && !IsExpired(node.Value);

    public void Add(DerpAdmissionRequest client)
    {
        Remove(client);
        while (_byAge.First is { } oldest && (_entries.Count >= capacity || IsExpired(oldest.Value)))
        {
            Remove(oldest.Value.Client);
        }

        if (lifetime > TimeSpan.Zero)
        {
            _entries.Add(client, _byAge.AddLast(new Entry(client, time.GetTimestamp())));
        }
    }

    public void Remove(DerpAdmissionRequest client)
    {
        if (_entries.Remove(client, out var node))
        {
            _byAge.Remove(node);
        }
    }

    private bool IsExpired(Entry entry) => time.GetElapsedTime(entry.Since) >= lifetime;

    private readonly record struct Entry(DerpAdmissionRequest Client, long Since);
}
