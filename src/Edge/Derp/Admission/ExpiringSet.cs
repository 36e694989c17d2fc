using Relay.Derp;

namespace Edge.Derp.Admission;

/// <summary>Clients, each remembered for the same time; when there are too many, the oldest is forgotten first. For one caller at a time.</summary>
/// <param name="capacity">How many, at most.</param>
/// <param name="lifetime">For how long; zero remembers nothing.</param>
/// <param name="time">The clock.</param>
internal sealed class ExpiringSet(int capacity, TimeSpan lifetime, TimeProvider time)
{
    private readonly Dictionary<DerpAdmissionRequest, LinkedListNode<Entry>> _entries = [];
    private readonly LinkedList<Entry> _byAge = new();

    /// <summary>How many there are, those included whose time is over and that nobody has asked for since.</summary>
    public int Count => _entries.Count;

    public bool Contains(DerpAdmissionRequest client) => _entries.TryGetValue(client, out var node) && !IsOver(node.Value);

    public void Add(DerpAdmissionRequest client)
    {
        Remove(client);
        while (_byAge.First is { } oldest && (_entries.Count >= capacity || IsOver(oldest.Value)))
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

    private bool IsOver(Entry entry) => time.GetElapsedTime(entry.Since) >= lifetime;

    private readonly record struct Entry(DerpAdmissionRequest Client, long Since);
}
