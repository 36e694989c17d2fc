using Relay.Derp.Mesh;
using Relay.Derp.Wire;

namespace Relay.Derp.Connections;

/// <summary>
/// Everything about one key: its connections here and the mesh links that have it. Exists as long as there is one of either.
/// Written under the registry's lock; <see cref="Active"/> and <see cref="Forwarder"/> are read without.
/// </summary>
internal sealed class PeerEntry(NodeKey key)
{
    // Who was sent a packet from this key, by connection id: they learn when it leaves.
    private readonly HashSet<long> _receivers = [];
    private DerpConnection[] _connections = [];
    private IDerpForwarder[] _forwarders = [];
    private volatile DerpConnection? _active;
    private volatile IDerpForwarder? _forwarder;
    private volatile bool _isRemoved;

    public NodeKey Key { get; } = key;

    /// <summary>The connection that gets the key's packets: the newest, or the one that spoke last.</summary>
    public DerpConnection? Active => _active;

    /// <summary>The mesh link to use when the key has no connection here: the one registered first.</summary>
    public IDerpForwarder? Forwarder => _forwarder;

    /// <summary>Whether the entry is out of the registry, for good.</summary>
    public bool IsRemoved => _isRemoved;

    /// <summary>The connections, the one that spoke last at the end.</summary>
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

    /// <summary>Remembers who gets packets of this key.</summary>
    /// <param name="receiver">The receiving connection's id.</param>
    /// <param name="isOpen">Tells whether a connection of that id is open, to forget the others now and then.</param>
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

    /// <summary>Takes the entry out of use.</summary>
    /// <returns>The connections to tell.</returns>
    public long[] Retire()
    {
        _isRemoved = true;
        return TakeReceivers();
    }

    // A method of its own, because its closure is made on entry.
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
