using Tailnet.Coordination.Shared;
using Tailnet.Messages;
using Kind = Tailnet.Messages.CoordinateResponse.Types.PeerUpdate.Types.Kind;

namespace Tailnet.Coordination;

/// <summary>
/// The state of a server's coordination, without I/O, under one lock that is never held across an await. With <see cref="Sharing"/> it
/// also keeps what other servers say of their peers, and hands out what is to be written and read. The rules R1 to R7 are those of the
/// specification of shared coordination: the greater (epoch, version) wins, in whatever order news arrives.
/// </summary>
internal sealed partial class CoordinatorCore(CoordinatorOptions options, Sharing? sharing)
{
    private const string Overwritten = "peer ID overwritten by new connection";
    private const string Closed = "coordinator closed";

    private readonly Lock _lock = new();

    // Connections, also those that ended before their claim was answered.
    private readonly Dictionary<Guid, CoordinatedPeer> _peers = [];

    // The sets of connections and, for peers without one, of registers.
    private readonly TunnelTable _tunnels = new();
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

    public bool HasNoTunnels
    {
        get
        {
            lock (_lock)
            {
                return _tunnels.IsEmpty;
            }
        }
    }

    public CoordinatedPeer Connect(Guid id, ICoordinateeAuth auth)
    {
        var peer = new CoordinatedPeer(this, id, auth, options);
        lock (_lock)
        {
            if (_closed)
            {
                peer.End(Closed);
                return peer;
            }

            _peers.TryGetValue(id, out var older);
            older?.End(Overwritten);
            _peers[id] = peer;
            if (sharing is not null)
            {
                Share(peer, older?.Shared);
            }

            foreach (var other in _tunnels.Neighbours(id))
            {
                Tell(peer, other, Kind.Disconnected);
            }
        }

        return peer;
    }

    /// <summary>Ends every connection. Each peer is told that the others are lost, and that the coordinator has closed.</summary>
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
                peer.End(Closed);
            }

            _peers.Clear();
        }
    }

    /// <summary>Handles an authorised request. Returns false when the peer's connection is over.</summary>
    public bool Handle(CoordinatedPeer peer, CoordinateRequest request)
    {
        // Not under the lock: this takes most of the time of a request.
        var said = request.UpdateSelf?.Node;
        var node = said?.CalculateSize() <= options.MaxNode ? new NodeSnapshot(said, peer.Node) : null;
        lock (_lock)
        {
            if (peer.IsOver)
            {
                return false;
            }

            if (Refusal(peer, request, node, out var added, out var removed) is { } error)
            {
                End(peer, PeerState.Lost, error);
                return false;
            }

            if (node is not null)
            {
                Update(peer, node);
            }

            if (request.AddTunnel is not null)
            {
                ChangeTunnel(peer, added, isOpened: true);
            }

            if (request.RemoveTunnel is not null)
            {
                ChangeTunnel(peer, removed, isOpened: false);
            }

            if (request.Disconnect is not null)
            {
                End(peer, PeerState.Disconnected, error: null);
                return false;
            }

            foreach (var ready in request.ReadyForHandshake)
            {
                Ready(peer, ready);
            }

            return true;
        }
    }

    /// <summary>Ends a connection, with an error or without, as lost.</summary>
    public void Lose(CoordinatedPeer peer, string? error = null)
    {
        lock (_lock)
        {
            End(peer, PeerState.Lost, error);
        }
    }

    public CoordinateResponse? Take(CoordinatedPeer peer, out bool over)
    {
        lock (_lock)
        {
            var response = peer.Mailbox.Take();
            over = peer.IsOver && peer.Mailbox.IsEmpty;
            return response;
        }
    }

    private string? Refusal(CoordinatedPeer peer, CoordinateRequest request, NodeSnapshot? node, out Guid added, out Guid removed)
    {
        (added, removed) = (default, default);
        if ((request.AddTunnel is { } add && !PeerIds.TryRead(add.Id, out added))
            || (request.RemoveTunnel is { } remove && !PeerIds.TryRead(remove.Id, out removed)))
        {
            return "invalid peer ID";
        }

        if (node is null && request.UpdateSelf?.Node is not null)
        {
            return "node is too large";
        }

        if (request.AddTunnel is not null
            && !_tunnels.Has(peer.Id, added)
            && _tunnels.Opened(peer.Id).Count >= options.MaxTunnels)
        {
            return "too many tunnels";
        }

        // The changes are kept until the database has them.
        return peer.Shared?.Touched.Count > 2 * options.MaxTunnels ? "too many changes of tunnels" : null;
    }

    private void Update(CoordinatedPeer peer, NodeSnapshot node)
    {
        if (peer.Node?.Content == node.Content)
        {
            return;
        }

        peer.Node = node;
        if (peer.Shared is { } shared)
        {
            shared.NodeVersion++;
            Mark(peer);
        }

        node.Hold();
        foreach (var id in _tunnels.Neighbours(peer.Id))
        {
            if (_peers.TryGetValue(id, out var reader) && !reader.IsOver && reader.Mailbox.Node(peer.Id, node))
            {
                reader.Wake();
            }
        }

        node.Release();
    }

    private void ChangeTunnel(CoordinatedPeer peer, Guid target, bool isOpened)
    {
        // Before the claim is answered a request counts also when it changes nothing: the row may have another set.
        var isAsAsked = _tunnels.Has(peer.Id, target) == isOpened;
        if (target == peer.Id || (isAsAsked && peer.Shared is not { IsClaimed: false }))
        {
            return;
        }

        if (!isAsAsked && isOpened)
        {
            _tunnels.Add(peer.Id, target);
        }
        else if (!isAsAsked)
        {
            _tunnels.Remove(peer.Id, target);
        }

        if (peer.Shared is { } shared)
        {
            shared.SetVersion++;
            shared.Touch(target);
            Mark(peer);
            if (isOpened && !_peers.ContainsKey(target))
            {
                MakeRegister(target);
            }
        }

        Tell(peer, target, Kind.Disconnected);
        if (_peers.TryGetValue(target, out var other))
        {
            Tell(other, peer.Id, Kind.Disconnected);
        }

        DropUnneeded(target);
    }

    private void Ready(CoordinatedPeer peer, CoordinateRequest.Types.ReadyForHandshake ready)
    {
        if (!PeerIds.TryRead(ready.Id, out var target) || !_tunnels.Shares(peer.Id, target))
        {
            peer.Mailbox.Error($"ready for handshake error: you do not share a tunnel with \"{target}\"");
            peer.Wake();
        }
        else if (_peers.TryGetValue(target, out var other))
        {
            if (!other.IsOver && other != peer && other.Mailbox.Ready(peer.Id))
            {
                other.Wake();
            }
        }
        else if (sharing is not null)
        {
            ReadyElsewhere(peer, target);
        }
    }

    /// <summary>Ends a connection, unless it is over.</summary>
    private void End(CoordinatedPeer peer, PeerState state, string? error)
    {
        if (peer.IsOver)
        {
            return;
        }

        peer.End(error);
        var neighbours = _tunnels.Neighbours(peer.Id).ToArray();
        if (sharing is null)
        {
            _peers.Remove(peer.Id);
            _tunnels.Put(peer.Id, []);
        }
        else
        {
            EndShared(peer, peer.Shared!, state, neighbours);
        }

        TellAll(neighbours, peer.Id, KindOf(state));
        TellAll(_tunnels.Neighbours(peer.Id), peer.Id, KindOf(state));
        DropUnneeded(neighbours);
        DropUnneeded(peer.Id);
    }

    /// <summary>
    /// Tells a local peer of another one, as it is now (R2). Without news nothing happens, so this can be called any number of times.
    /// </summary>
    /// <param name="reader">The local peer.</param>
    /// <param name="id">The other one.</param>
    /// <param name="kind">The kind of the end where the two no longer share a tunnel, or nothing is known of the other.</param>
    private void Tell(CoordinatedPeer reader, Guid id, Kind kind)
    {
        if (reader.IsOver || reader.Id == id)
        {
            return;
        }

        bool isThere;
        NodeSnapshot? node = null;
        var gone = kind;
        if (_peers.TryGetValue(id, out var peer))
        {
            isThere = peer.Shared?.Ended is null;
            node = peer.Node;
            gone = isThere ? kind : KindOf(peer.Shared!.Ended!.Value);
        }
        else if (_registers.TryGetValue(id, out var register))
        {
            isThere = IsThere(register);
            node = register.Node.Node;
            gone = isThere ? kind : KindOf(register.Node.State);
        }
        else
        {
            isThere = false;
        }

        var isNews = isThere && _tunnels.Shares(reader.Id, id)
            ? node is not null && reader.Mailbox.Node(id, node)
            : reader.Mailbox.Gone(id, gone);
        if (isNews)
        {
            reader.Wake();
        }
    }

    private void TellGone(Guid reader, Guid id, Kind kind)
    {
        if (_peers.TryGetValue(reader, out var peer) && !peer.IsOver && peer.Mailbox.Gone(id, kind))
        {
            peer.Wake();
        }
    }

    private void TellAll(IReadOnlyList<Guid> readers, Guid id, Kind kind)
    {
        foreach (var reader in readers)
        {
            if (_peers.TryGetValue(reader, out var peer))
            {
                Tell(peer, id, kind);
            }
        }
    }

    private static Kind KindOf(PeerState state) => state == PeerState.Disconnected ? Kind.Disconnected : Kind.Lost;
}
