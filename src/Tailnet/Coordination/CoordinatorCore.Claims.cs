using Tailnet.Coordination.Shared;
using Kind = Tailnet.Messages.CoordinateResponse.Types.PeerUpdate.Types.Kind;

namespace Tailnet.Coordination;

/// <content>The claims of connections: for each, the database gives an epoch (R4), and the ends of connections (R6).</content>
internal sealed partial class CoordinatorCore
{
    private void TakeClaims(PendingWrite write)
    {
        foreach (var (id, peer) in _claiming)
        {
            var shared = peer.Shared!;
            var set = _tunnels.Opened(id);
            var known = shared.IsClaimed ? shared.Epoch : shared.Ended is null ? long.MaxValue : 0;
            shared.MayHaveRow = true;
            write.Claims.Add(new PendingClaim(peer, known, shared.Ended)
            {
                NodeVersion = shared.NodeVersion,
                Node = peer.Node,
                SetVersion = shared.SetVersion,
                Whole = shared.IsClaimed ? set : null,
                Added = shared.Added(set),
                Removed = shared.Removed(set),
            });

            // The end of the connection before is written first, under its own epoch.
            if (_ends.TryGetValue(id, out var end))
            {
                write.Ends.Add(end);
            }

            if (write.Claims.Count == MaxWrite)
            {
                break;
            }
        }
    }

    /// <summary>Begins to share a new connection (R4). Until its claim is answered it has the set that is known here.</summary>
    private void Share(CoordinatedPeer peer, SharedPeer? older)
    {
        var id = peer.Id;
        var shared = peer.Shared = new SharedPeer();
        var set = _tunnels.Opened(id);
        _registers.TryAdd(id, new PeerRegister { IsUnread = true });
        if (older is not null)
        {
            shared.MayHaveRow = true;
            shared.SetVersion = older.SetVersion;
            if (!older.IsClaimed || _claiming.ContainsKey(id))
            {
                // The row of a connection that was being claimed again may have lost its set.
                shared.Continue(older, older.IsClaimed ? set : []);
            }
            else if (older.Changes(id, set) is { } changes)
            {
                // Written under the older epoch, before the claim.
                _ends[id] = new PendingEnd(id, older.Epoch, State: null) { Set = changes };
            }
        }

        _claiming[id] = peer;
        _toFindOpeners.Add(id);
        foreach (var target in set)
        {
            MakeRegister(target);
        }

        sharing!.WorkWaits();
    }

    private void EndShared(CoordinatedPeer peer, SharedPeer shared, PeerState state, IReadOnlyList<Guid> neighbours)
    {
        var id = peer.Id;
        if (!shared.MayHaveRow)
        {
            // No other server has heard of it. The register may say how an older connection ended.
            foreach (var reader in neighbours)
            {
                TellGone(reader, id, KindOf(state));
            }

            _peers.Remove(id);
            _claiming.Remove(id);
            _toFindOpeners.Remove(id);
        }
        else if (!shared.IsClaimed || _claiming.ContainsKey(id))
        {
            shared.Ended = state == PeerState.Disconnected ? state : PeerState.Lost;
            shared.Touched.Clear();
            _tunnels.Put(id, []);
            return;
        }
        else if (state == PeerState.Moving)
        {
            var set = _tunnels.Opened(id);
            var version = new StateVersion(shared.Epoch, shared.NodeVersion + 1);
            _peers.Remove(id);
            _ends[id] = new PendingEnd(id, shared.Epoch, state)
            {
                Node = shared.NewNode(id, peer.Node),
                Set = shared.Changes(id, set),
                Version = version.Number,
            };
            Merge(
                id,
                new NodePart(version, peer.Node, state, _server),
                new SetPart(new StateVersion(shared.Epoch, shared.SetVersion), set));
        }
        else
        {
            _peers.Remove(id);
            _ends[id] = new PendingEnd(id, shared.Epoch, state);
            Final(id, shared.Epoch, state, _server);
        }

        if (_registers.TryGetValue(id, out var register))
        {
            _tunnels.Put(id, register.Tunnels.Targets);
            if (!shared.MayHaveRow && HasLocalNeighbour(id))
            {
                // While the connection was here, a read put nothing in doubt.
                Want(id, register);
            }
        }

        sharing!.WorkWaits();
    }

    /// <summary>Takes the database's answer to a claim; null when a newer connection is elsewhere.</summary>
    private void TakeAnswer(PendingClaim claim, ClaimedPeer? answer)
    {
        var (peer, id) = (claim.Connection, claim.Peer);
        if (!_peers.TryGetValue(id, out var current) || current != peer)
        {
            return;
        }

        var shared = peer.Shared!;
        var register = _registers[id];
        var neighbours = _tunnels.Neighbours(id).ToArray();
        _claiming.Remove(id);
        if (answer is null && shared.Ended is null)
        {
            Overrule(peer, shared);
            return;
        }

        if (answer is null)
        {
            _peers.Remove(id);
            Want(id, register);
            _tunnels.Put(id, register.Tunnels.Targets);
        }
        else if (shared.Ended is { } state)
        {
            _peers.Remove(id);
            if (claim.Ended is null)
            {
                _ends[id] = new PendingEnd(id, answer.Epoch, state);
            }

            Final(id, answer.Epoch, state, _server);
            _tunnels.Put(id, register.Tunnels.Targets);
        }
        else
        {
            Confirm(peer, shared, claim, answer, register);
            return;
        }

        TellAll(neighbours, id, Kind.Lost);
        TellAll(_tunnels.Neighbours(id), id, Kind.Lost);
        DropUnneeded(neighbours);
        DropUnneeded(id);
    }

    private void Confirm(CoordinatedPeer peer, SharedPeer shared, PendingClaim claim, ClaimedPeer answer, PeerRegister register)
    {
        var id = peer.Id;
        var isFirst = !shared.IsClaimed;
        shared.Epoch = answer.Epoch;
        shared.NodeWritten = claim.NodeVersion;
        shared.Confirm(claim.SetVersion);
        if (register.Node.Version.Epoch > answer.Epoch && !_ownServers.Contains(register.Node.Server))
        {
            // It was heard before the answer.
            Overrule(peer, shared);
            return;
        }

        var written = claim.SetOn(answer.Kept);
        if (isFirst)
        {
            var before = _tunnels.Opened(id);
            var set = written.Except(shared.Removed(before)).Union(shared.Added(before));
            _tunnels.Put(id, set);
            foreach (var target in set)
            {
                MakeRegister(target);
            }

            foreach (var target in before.SymmetricExcept(set))
            {
                Tell(peer, target, Kind.Lost);
                if (_peers.TryGetValue(target, out var other))
                {
                    Tell(other, id, Kind.Lost);
                }

                DropUnneeded(target);
            }
        }

        Merge(
            id,
            new NodePart(new StateVersion(answer.Epoch, 0), null, PeerState.Here, _server),
            new SetPart(new StateVersion(answer.Epoch, 0), written));
        Mark(peer);
    }
}
