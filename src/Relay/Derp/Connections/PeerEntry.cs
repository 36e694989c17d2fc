using Relay.Derp.Mesh;
using Relay.Derp.Wire;

namespace Relay.Derp.Connections;

/// <summary>
/// The entry of one key: its connections here, and the mesh links that announced it. The entry exists as long as it has one of either.
/// Changes need the registry's lock; reads of <see cref="Active"/> and <see cref="Forwarder"/> do not.
/// </summary>
internal sealed class PeerEntry(NodeKey key)
{
    // The ids of the connections that got a packet from this key. They get a PeerGone when the key leaves.
    private readonly HashSet<long> _receivers = [];
    private DerpConnection[] _connections = [];
    private IDerpForwarder[] _forwarders = [];
    private volatile DerpConnection? _active;
    private volatile IDerpForwarder? _forwarder;
    private volatile bool _isRemoved;

    public NodeKey Key { get; } = key;

    /// <summary>The connection that gets the key's packets: the newest one, or the one that sent a frame last (derp.md §3.3).</summary>
    public DerpConnection? Active => _active;

    /// <summary>The mesh link to use while the key has no connection here: the first one registered.</summary>
    public IDerpForwarder? Forwarder => _forwarder;

    /// <summary>Whether the registry has removed the entry; it is not used again then.</summary>
    public bool IsRemoved => _isRemoved;

    /// <summary>The connections; the active one is the last.</summary>
    public ReadOnlySpan<DerpConnection> Connections => _connections;

    public ReadOnlySpan<IDerpForwarder> Forwarders => _forwarders;

    public bool IsUnused => _connections.Length == 0 && _forwarders.Length == 0;

    public void Add(DerpConnection connection) => SetConnections([.. _connections, connection]);

    public void Remove(DerpConnection connection) => SetConnections(Array.FindAll(_connections, other => other != connection));

    /// <summary>Makes a connection the active one.</summary>
    public void Activate(DerpConnection connection) =>
        SetConnections([.. Array.FindAll(_connections, other => other != connection), connection]);

    public void Add(IDerpForwarder forwarder) => SetForwarders([.. _forwarders, forwarder]);

    public void Remove(IDerpForwarder forwarder) => SetForwarders(Array.FindAll(_forwarders, other => other != forwarder));

    /// <summary>Records a receiver of this key's packets.</summary>
    /// <param name="receiver">The receiving connection's id.</param>
    /// <param name="isOpen">Whether a connection with an id is open. Ids of closed connections are removed from time to time.</param>
    public void NoteReceiver(long receiver, Func<long, bool> isOpen)
    {
        lock (_receivers)
        {
            if (_receivers.Add(receiver) && _receivers.Count >= 64 && int.IsPow2(_receivers.Count))
            {
                ForgetClosed(isOpen);
            }
        }
    }

    /// <summary>Marks the entry as removed.</summary>
    /// <returns>The ids of the connections that get a PeerGone.</returns>
    public long[] Retire()
    {
        _isRemoved = true;
        return TakeReceivers();
    }

    // A method of its own, because a method with a closure allocates the closure on entry.
    private void ForgetClosed(Func<long, bool> isOpen) => _receivers.RemoveWhere(id => !isOpen(id));

    private long[] TakeReceivers()
    {
        lock (_receivers)
        {
            long[] ids = [.. _receivers];
            _receivers.Clear();
            return ids;
        }
    }

    private void SetConnections(DerpConnection[] connections)
    {
        _connections = connections;
        _active = connections.Length > 0 ? connections[^1] : null;
    }

    private void SetForwarders(IDerpForwarder[] forwarders)
    {
        _forwarders = forwarders;
        _forwarder = forwarders.Length > 0 ? forwarders[0] : null;
    }
}
