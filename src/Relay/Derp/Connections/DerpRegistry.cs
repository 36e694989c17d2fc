using System.Collections.Concurrent;
using Relay.Derp.Mesh;
using Relay.Derp.Wire;

namespace Relay.Derp.Connections;

/// <summary>
/// The registry of keys with their connections and mesh links, of connections by id, and of watchers. Reads take no lock.
/// </summary>
internal sealed class DerpRegistry
{
    private readonly Lock _lock = new();
    private readonly ConcurrentDictionary<NodeKey, PeerEntry> _entries = new();
    private readonly ConcurrentDictionary<long, DerpConnection> _connections = new();
    private readonly Func<long, bool> _isOpen;
    private readonly DerpTotals _totals;
    private DerpConnection[] _watchers = [];
    private int _local;
    private int _remote;

    public DerpRegistry(DerpTotals totals)
    {
        _totals = totals;
        _isOpen = _connections.ContainsKey;
    }

    /// <summary>Keys with a connection here.</summary>
    public int LocalKeys => Volatile.Read(ref _local);

    /// <summary>Keys that are connected to other servers of the mesh only.</summary>
    public int RemoteKeys => Volatile.Read(ref _remote);

    public int Connections => _connections.Count;

    public int Watchers => _watchers.Length;

    public IEnumerable<DerpConnection> All => _connections.Select(static pair => pair.Value);

    public PeerEntry? Find(in NodeKey key) => _entries.GetValueOrDefault(key);

    public DerpConnection? Find(long id) => _connections.GetValueOrDefault(id);

    /// <summary>Adds a connection, which becomes the active one of its key.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="maxPerKey">The most connections of one key; 0 for no limit.</param>
    /// <returns>False when the key has the most connections already.</returns>
    public bool TryAdd(DerpConnection connection, int maxPerKey)
    {
        bool isNew;
        lock (_lock)
        {
            var entry = _entries.GetOrAdd(connection.Key, static key => new PeerEntry(key));
            var before = entry.Connections.Length;
            if (maxPerKey > 0 && before >= maxPerKey)
            {
                return false;
            }

            isNew = before == 0;
            connection.Entry = entry;
            _connections[connection.Id] = connection;
            entry.Add(connection);
            CountKeys(entry, wasLocal: !isNew, wasRemote: isNew && entry.Forwarders.Length > 0);
            CountDuplicates(before, before + 1);
        }

        if (isNew)
        {
            Announce(connection.Key);
        }

        return true;
    }

    /// <summary>
    /// Removes a connection. If the key is then connected nowhere in the mesh, the clients that got packets from it get a PeerGone.
    /// </summary>
    public void Remove(DerpConnection connection)
    {
        var entry = connection.Entry!;
        long[] receivers = [];
        bool isLast;
        lock (_lock)
        {
            var before = entry.Connections.Length;
            _connections.TryRemove(connection.Id, out _);
            entry.Remove(connection);
            isLast = before == 1;
            CountDuplicates(before, before - 1);
            CountKeys(entry, wasLocal: true, wasRemote: false);
            _watchers = Array.FindAll(_watchers, other => other != connection);
            receivers = RetireIfUnused(entry);
        }

        if (isLast)
        {
            Announce(entry.Key);
        }

        SendPeerGone(entry.Key, receivers);
    }

    /// <summary>Makes one of a key's several connections the active one.</summary>
    public void Activate(DerpConnection connection)
    {
        lock (_lock)
        {
            connection.Entry!.Activate(connection);
        }
    }

    /// <summary>Adds a watcher, which gets all present keys and all later changes.</summary>
    public void Watch(DerpConnection watcher)
    {
        lock (_lock)
        {
            if (Array.IndexOf(_watchers, watcher) >= 0)
            {
                return;
            }

            _watchers = [.. _watchers, watcher];
        }

        watcher.BeginWatch(_entries.Where(static pair => pair.Value.Active is not null).Select(static pair => pair.Key));
    }

    /// <summary>Adds a mesh link to a key (derp.md §4.3).</summary>
    public void AddForwarder(in NodeKey key, IDerpForwarder forwarder)
    {
        lock (_lock)
        {
            var entry = _entries.GetOrAdd(key, static key => new PeerEntry(key));
            if (entry.Forwarders.Contains(forwarder))
            {
                return;
            }

            var wasRemote = entry.Connections.Length == 0 && entry.Forwarders.Length > 0;
            var wasLocal = entry.Connections.Length > 0;
            entry.Add(forwarder);
            CountKeys(entry, wasLocal, wasRemote);
            if (entry.Forwarders.Length == 2)
            {
                _totals.Count(DerpCount.MultiForwarderCreated);
            }
        }
    }

    /// <summary>Removes a mesh link from a key (derp.md §4.3).</summary>
    public void RemoveForwarder(in NodeKey key, IDerpForwarder forwarder)
    {
        long[] receivers;
        lock (_lock)
        {
            if (Find(key) is not { } entry || entry.Forwarders.IsEmpty)
            {
                return;
            }

            if (!entry.Forwarders.Contains(forwarder))
            {
                _totals.Count(DerpCount.ForwarderDeleteOtherValue);
                return;
            }

            var wasLocal = entry.Connections.Length > 0;
            entry.Remove(forwarder);
            CountKeys(entry, wasLocal, wasRemote: !wasLocal);
            if (entry.Forwarders.Length == 1)
            {
                _totals.Count(DerpCount.MultiForwarderDeleted);
            }

            receivers = RetireIfUnused(entry);
        }

        SendPeerGone(key, receivers);
    }

    /// <summary>Records that a connection gets packets from a key.</summary>
    public void NoteReceiver(PeerEntry source, DerpConnection receiver) => source.NoteReceiver(receiver.Id, _isOpen);

    private long[] RetireIfUnused(PeerEntry entry)
    {
        if (!entry.IsUnused)
        {
            return [];
        }

        _entries.TryRemove(entry.Key, out _);
        return entry.Retire();
    }

    private void CountKeys(PeerEntry entry, bool wasLocal, bool wasRemote)
    {
        var isLocal = entry.Connections.Length > 0;
        var isRemote = !isLocal && entry.Forwarders.Length > 0;
        _local += (isLocal ? 1 : 0) - (wasLocal ? 1 : 0);
        _remote += (isRemote ? 1 : 0) - (wasRemote ? 1 : 0);
    }

    private void CountDuplicates(int before, int after)
    {
        var (was, @is) = (before > 1 ? before : 0, after > 1 ? after : 0);
        _totals.Count(DerpCount.CurrentDupConnections, @is - was);
        _totals.Count(DerpCount.CurrentDupKeys, (@is > 0 ? 1 : 0) - (was > 0 ? 1 : 0));
        _totals.Count(DerpCount.TotalDupConnections, Math.Max(0, @is - was));
    }

    private void Announce(in NodeKey key)
    {
        foreach (var watcher in _watchers)
        {
            watcher.Changed(key);
        }
    }

    private void SendPeerGone(in NodeKey key, long[] receivers)
    {
        foreach (var id in receivers)
        {
            Find(id)?.SendPeerGone(key, PeerGoneReason.Disconnected);
        }
    }
}
