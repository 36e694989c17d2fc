using System.Collections.Immutable;
using Tailnet.Coordination.Shared;
using Kind = Tailnet.Messages.CoordinateResponse.Types.PeerUpdate.Types.Kind;

namespace Tailnet.Coordination;

/// <content>What this server knows of peers by the database and the bus, and the connections that other servers overrule.</content>
internal sealed partial class CoordinatorCore
{
    private readonly Dictionary<Guid, PeerRegister> _registers = [];

    // Servers whose beats have stopped: their peers are hidden.
    private readonly HashSet<Guid> _suspects = [];

    /// <summary>The peers that have a register; for tests.</summary>
    public IReadOnlyList<Guid> Registers
    {
        get
        {
            lock (_lock)
            {
                return [.. _registers.Keys];
            }
        }
    }

    /// <summary>The version of the node that local peers are told of a peer; null before its claim is answered. For tests.</summary>
    public StateVersion? VersionOf(Guid id)
    {
        lock (_lock)
        {
            return _peers.TryGetValue(id, out var peer)
                ? peer.Shared is { IsClaimed: true } shared ? new StateVersion(shared.Epoch, shared.NodeVersion) : null
                : _registers.TryGetValue(id, out var register) ? register.Node.Version : null;
        }
    }

    /// <summary>The tunnels that a peer has opened, as far as this server knows; for tests.</summary>
    public ImmutableHashSet<Guid> TunnelsOf(Guid id)
    {
        lock (_lock)
        {
            return _tunnels.Opened(id);
        }
    }

    /// <summary>
    /// Whether the database has confirmed the peer's connection, and is not to confirm it again; null without one. For tests.
    /// </summary>
    public bool? IsClaimed(Guid id)
    {
        lock (_lock)
        {
            return _peers.TryGetValue(id, out var peer) ? peer.Shared!.IsClaimed && !_claiming.ContainsKey(id) : null;
        }
    }

    /// <summary>Hides the peers of a server that seems to be dead, or shows them again. Their registers stay as they are.</summary>
    public void Suspect(Guid server, bool isSuspect)
    {
        lock (_lock)
        {
            if (!isSuspect)
            {
                Unhide(server);
            }
            else if (CanJudge && _suspects.Add(server))
            {
                TellOfPeersOf(server);
            }
        }
    }

    /// <summary>
    /// Hides peers that have been moving, or without a row, for too long. Nobody is judged while this server may have missed news.
    /// Returns whether a peer was hidden.
    /// </summary>
    public bool Judge()
    {
        lock (_lock)
        {
            if (!CanJudge)
            {
                return false;
            }

            var now = sharing!.Time.GetTimestamp();
            List<Guid> gone = [];
            foreach (var (id, register) in _registers)
            {
                if (!_peers.ContainsKey(id) && IsGone(register, now))
                {
                    register.Hidden = register.Node.Version;
                    gone.Add(id);
                }
            }

            foreach (var id in gone)
            {
                TellAll(_tunnels.Neighbours(id), id, Kind.Lost);
            }

            return gone.Count > 0;
        }
    }

    private bool IsGone(PeerRegister register, long now) =>
        register.Hidden != register.Node.Version
        && register.Node.State switch
        {
            PeerState.Moving => sharing!.Time.GetElapsedTime(register.ChangedAt, now) >= sharing.MovingFor,
            PeerState.Here => register.Doubted == register.Node.Version
                && sharing!.Time.GetElapsedTime(register.DoubtedAt, now) >= sharing.DoubtFor,
            _ => false,
        };

    private bool IsThere(PeerRegister register) =>
        register.Node.State is PeerState.Here or PeerState.Moving
        && register.Hidden != register.Node.Version
        && !_suspects.Contains(register.Node.Server);

    private void Unhide(Guid server)
    {
        if (_suspects.Remove(server))
        {
            TellOfPeersOf(server);
        }
    }

    private void TellOfPeersOf(Guid server)
    {
        foreach (var (id, register) in _registers)
        {
            if (register.Node.Server == server)
            {
                TellAll(_tunnels.Neighbours(id), id, Kind.Lost);
            }
        }
    }

    private void Final(Guid id, long epoch, PeerState state, Guid server)
    {
        var last = new StateVersion(epoch, StateVersion.End);
        Merge(id, new NodePart(last, null, state, server), new SetPart(last, []));
    }

    /// <summary>Returns a part whose node is parsed only when it is newer than the register's, and another one in the same epoch.</summary>
    private NodePart NewPart(Guid id, StateVersion version, ReadOnlyMemory<byte> encoded, PeerState state, Guid server)
    {
        NodeSnapshot? node = null;
        if (!encoded.IsEmpty && _registers.TryGetValue(id, out var register) && version > register.Node.Version)
        {
            var known = register.Node.Node;
            var isSame = known is not null
                && version.Epoch == register.Node.Version.Epoch
                && known.Bytes.Span.SequenceEqual(encoded.Span);
            node = isSame ? known : NodeSnapshot.TryParse(encoded);
        }

        return new NodePart(version, node, state, server);
    }

    /// <summary>Replaces what is older in a peer's register, and tells the local peers (R1, R5).</summary>
    private void Merge(Guid id, NodePart? node, SetPart? set, Kind kind = Kind.Disconnected)
    {
        if (!_registers.TryGetValue(id, out var register))
        {
            return;
        }

        var isNode = node is { } newNode && newNode.Version > register.Node.Version;
        var isSet = set is { } newSet && newSet.Version > register.Tunnels.Version;
        if (!isNode && !isSet)
        {
            return;
        }

        var before = _tunnels.Neighbours(id).ToArray();
        if (isNode)
        {
            register.Node = node!.Value;
            register.ChangedAt = sharing!.Time.GetTimestamp();
        }

        if (isSet)
        {
            var (version, _) = set!.Value;
            var isChange = version.Epoch == register.Tunnels.Version.Epoch && version.Number != StateVersion.End;
            kind = isChange ? Kind.Disconnected : Kind.Lost;
            register.Tunnels = set.Value;
            if (!_peers.ContainsKey(id))
            {
                _tunnels.Put(id, register.Tunnels.Targets);
            }
        }

        if (isNode
            && _peers.TryGetValue(id, out var peer)
            && peer.Shared is { IsClaimed: true } shared
            && register.Node.Version.Epoch > shared.Epoch
            && !_ownServers.Contains(register.Node.Server))
        {
            Overrule(peer, shared);
        }

        // The message of a new node is dropped once the mailboxes have what they need of it.
        var held = isNode ? register.Node.Node : null;
        held?.Hold();
        TellAll(before, id, kind);
        TellAll(_tunnels.Neighbours(id), id, kind);
        held?.Release();
        DropUnneeded(id);
    }

    /// <summary>Ends a connection because a newer one of the same peer is elsewhere (R5).</summary>
    private void Overrule(CoordinatedPeer peer, SharedPeer shared)
    {
        var neighbours = _tunnels.Neighbours(peer.Id).ToArray();
        var set = _tunnels.Opened(peer.Id);
        peer.End(Overwritten);
        _peers.Remove(peer.Id);
        _claiming.Remove(peer.Id);
        var register = _registers[peer.Id];
        Want(peer.Id, register);
        _tunnels.Put(peer.Id, register.Tunnels.Targets);
        Merge(
            peer.Id,
            new NodePart(new StateVersion(shared.Epoch, shared.NodeVersion), peer.Node, PeerState.Here, _server),
            new SetPart(new StateVersion(shared.Epoch, shared.SetVersion), set),
            Kind.Lost);
        TellAll(neighbours, peer.Id, Kind.Lost);
        TellAll(_tunnels.Neighbours(peer.Id), peer.Id, Kind.Lost);
        DropUnneeded(neighbours);
        DropUnneeded(peer.Id);
    }

    /// <summary>Makes a register, which is then read: in this order nothing is missed (R3).</summary>
    private void MakeRegister(Guid id)
    {
        if (!_registers.TryGetValue(id, out var register))
        {
            _registers.Add(id, register = new PeerRegister { IsUnread = true });
        }

        if (register.IsUnread)
        {
            Want(id, register);
        }
    }

    private void WantIfNewer(Guid id, StateVersion version)
    {
        if (_registers.TryGetValue(id, out var register) && version > register.Node.Version)
        {
            Want(id, register);
        }
    }

    private void DropUnneeded(IReadOnlyList<Guid> ids)
    {
        foreach (var id in ids)
        {
            DropUnneeded(id);
        }
    }

    /// <summary>
    /// Drops a register that no local peer needs. One that is to be read stays, and one whose end is to be written: an older row would
    /// bring the peer back.
    /// </summary>
    private void DropUnneeded(Guid id)
    {
        if (_registers.TryGetValue(id, out var register)
            && register.ReadAfter == 0
            && !_peers.ContainsKey(id)
            && !_ends.ContainsKey(id)
            && !HasLocalNeighbour(id))
        {
            _registers.Remove(id);
            _tunnels.Put(id, []);
        }
    }

    private bool HasLocalNeighbour(Guid id) => _tunnels.Neighbours(id).Exists(_peers.ContainsKey);
}
