using Tailnet.Messages;
using Kind = Tailnet.Messages.CoordinateResponse.Types.PeerUpdate.Types.Kind;

namespace Tailnet.Coordination;

/// <summary>The coordinator of one server. All state is in memory, under one lock that is never held across an await.</summary>
/// <param name="options">The limits; null for the defaults.</param>
public sealed class InMemoryCoordinator(CoordinatorOptions? options = null) : ICoordinator, IAsyncDisposable
{
    private readonly CoordinatorOptions _options = options ?? new CoordinatorOptions();
    private readonly Lock _lock = new();
    private readonly Dictionary<Guid, CoordinatedPeer> _peers = [];
    private readonly TunnelTable _tunnels = new();
    private readonly List<CoordinatedPeer> _connected = [];
    private bool _closed;

    /// <summary>The number of connected peers.</summary>
    public int PeerCount
    {
        get
        {
            lock (_lock)
            {
                return _peers.Count;
            }
        }
    }

    internal bool HasNoTunnels
    {
        get
        {
            lock (_lock)
            {
                return _tunnels.IsEmpty;
            }
        }
    }

    /// <inheritdoc/>
    public ValueTask<ICoordinatedPeer> ConnectAsync(Guid id, ICoordinateeAuth auth, CancellationToken cancellationToken = default)
    {
        var peer = new CoordinatedPeer(this, id, auth, _options);
        lock (_lock)
        {
            if (_closed)
            {
                peer.End("coordinator closed");
                return ValueTask.FromResult<ICoordinatedPeer>(peer);
            }

            if (_peers.TryGetValue(id, out var older))
            {
                older.End("peer ID overwritten by new connection");
            }

            _peers[id] = peer;
            foreach (var other in ConnectedNeighbours(id))
            {
                other.Mailbox.ResetSent(id);
                if (other.Node is { } node)
                {
                    peer.Mailbox.Node(other.Id, node);
                }
            }

            peer.Wake();
        }

        return ValueTask.FromResult<ICoordinatedPeer>(peer);
    }

    /// <summary>Ends every peer's connection. Each peer is told that the others are lost, and that the coordinator has closed.</summary>
    public void Close()
    {
        lock (_lock)
        {
            _closed = true;
            foreach (var peer in _peers.Values)
            {
                foreach (var other in _tunnels.Neighbours(peer.Id))
                {
                    peer.Mailbox.Gone(other, Kind.Lost);
                }
            }

            foreach (var peer in _peers.Values)
            {
                peer.End("coordinator closed");
            }

            _peers.Clear();
        }
    }

    /// <summary>The same as <see cref="Close"/>.</summary>
    public ValueTask DisposeAsync()
    {
        Close();
        return ValueTask.CompletedTask;
    }

    /// <summary>Handles an authorised request. Returns false when the peer's connection is over.</summary>
    internal bool Handle(CoordinatedPeer peer, CoordinateRequest request)
    {
        lock (_lock)
        {
            if (peer.IsOver)
            {
                return false;
            }

            if (Refusal(peer, request, out var added, out var removed) is { } error)
            {
                Remove(peer, Kind.Lost);
                peer.End(error);
                return false;
            }

            if (request.UpdateSelf?.Node is { } node)
            {
                Update(peer, node);
            }

            if (request.AddTunnel is not null)
            {
                AddTunnel(peer, added);
            }

            if (request.RemoveTunnel is not null)
            {
                RemoveTunnel(peer, removed);
            }

            if (request.Disconnect is not null)
            {
                Remove(peer, Kind.Disconnected);
                peer.End(null);
                return false;
            }

            foreach (var ready in request.ReadyForHandshake)
            {
                Ready(peer, ready);
            }

            return true;
        }
    }

    internal void Fail(CoordinatedPeer peer, string error)
    {
        lock (_lock)
        {
            Remove(peer, Kind.Lost);
            peer.End(error);
        }
    }

    internal void Lose(CoordinatedPeer peer)
    {
        lock (_lock)
        {
            Remove(peer, Kind.Lost);
            peer.End(null);
        }
    }

    internal CoordinateResponse? Take(CoordinatedPeer peer, out bool over)
    {
        lock (_lock)
        {
            var response = peer.Mailbox.Take();
            over = peer.IsOver && peer.Mailbox.IsEmpty;
            return response;
        }
    }

    private string? Refusal(CoordinatedPeer peer, CoordinateRequest request, out Guid added, out Guid removed)
    {
        (added, removed) = (default, default);
        if ((request.AddTunnel is { } add && !PeerIds.TryRead(add.Id, out added))
            || (request.RemoveTunnel is { } remove && !PeerIds.TryRead(remove.Id, out removed)))
        {
            return "invalid peer ID";
        }

        if (request.UpdateSelf?.Node is { } node && node.CalculateSize() > _options.MaxNode)
        {
            return "node is too large";
        }

        return request.AddTunnel is not null
            && !_tunnels.Has(peer.Id, added)
            && _tunnels.OpenedCount(peer.Id) >= _options.MaxTunnels
                ? "too many tunnels"
                : null;
    }

    private void Update(CoordinatedPeer peer, Node node)
    {
        var snapshot = new NodeSnapshot(node, peer.Node);
        peer.Node = snapshot;
        snapshot.Hold();
        foreach (var other in ConnectedNeighbours(peer.Id))
        {
            other.Mailbox.Node(peer.Id, snapshot);
            other.Wake();
        }

        snapshot.Release();
    }

    private void AddTunnel(CoordinatedPeer peer, Guid target)
    {
        _tunnels.Add(peer.Id, target);
        if (!_peers.TryGetValue(target, out var other) || other == peer)
        {
            return;
        }

        if (other.Node is { } theirs)
        {
            peer.Mailbox.Node(target, theirs);
            peer.Wake();
        }

        if (peer.Node is { } ours)
        {
            other.Mailbox.Node(peer.Id, ours);
            other.Wake();
        }
    }

    private void RemoveTunnel(CoordinatedPeer peer, Guid target)
    {
        if (!_tunnels.Has(peer.Id, target))
        {
            return;
        }

        _tunnels.Remove(peer.Id, target);
        if (_tunnels.Has(target, peer.Id))
        {
            // The two peers still share the tunnel that the other one has opened.
            return;
        }

        peer.Mailbox.Gone(target, Kind.Disconnected);
        peer.Wake();
        if (_peers.TryGetValue(target, out var other))
        {
            other.Mailbox.Gone(peer.Id, Kind.Disconnected);
            other.Wake();
        }
    }

    private void Ready(CoordinatedPeer peer, CoordinateRequest.Types.ReadyForHandshake ready)
    {
        if (!PeerIds.TryRead(ready.Id, out var target) || !_tunnels.Shares(peer.Id, target))
        {
            peer.Mailbox.Error($"ready for handshake error: you do not share a tunnel with \"{target}\"");
            peer.Wake();
        }
        else if (_peers.TryGetValue(target, out var other) && other != peer)
        {
            other.Mailbox.Ready(peer.Id);
            other.Wake();
        }
    }

    /// <summary>Removes a peer, unless a newer connection has its id, and tells the peers that shared tunnels with it.</summary>
    private void Remove(CoordinatedPeer peer, Kind kind)
    {
        if (!_peers.TryGetValue(peer.Id, out var current) || current != peer)
        {
            return;
        }

        _peers.Remove(peer.Id);
        foreach (var other in ConnectedNeighbours(peer.Id))
        {
            other.Mailbox.Gone(peer.Id, kind);
            other.Wake();
        }

        _tunnels.RemoveOpenedBy(peer.Id);
    }

    /// <summary>Returns the connected neighbours, in a list that is valid until the next call.</summary>
    private List<CoordinatedPeer> ConnectedNeighbours(Guid id)
    {
        _connected.Clear();
        foreach (var other in _tunnels.Neighbours(id))
        {
            if (other != id && _peers.TryGetValue(other, out var peer))
            {
                _connected.Add(peer);
            }
        }

        return _connected;
    }
}
