using Tailnet.Coordination.Shared;

namespace Tailnet.Coordination;

/// <content>The news of other servers.</content>
internal sealed partial class CoordinatorCore
{
    // The number of the last frame of each server.
    private readonly Dictionary<Guid, long> _heard = [];

    /// <summary>Takes a frame of the bus. Returns false when it was of another generation.</summary>
    /// <param name="generation">The generation of the tables for which it was made.</param>
    /// <param name="server">Its sender.</param>
    /// <param name="number">Its number, without gaps from 1 for each sender.</param>
    /// <param name="entries">The news.</param>
    public bool Hear(Guid generation, Guid server, long number, IReadOnlyList<BusEntry> entries)
    {
        lock (_lock)
        {
            if (generation != _generation)
            {
                return false;
            }

            if (_ownServers.Contains(server))
            {
                return true;
            }

            var last = _heard.GetValueOrDefault(server);
            if (number > last)
            {
                _heard[server] = number;
            }

            if (number > last + 1)
            {
                MissedNews();
            }

            Unhide(server);
            foreach (var entry in entries)
            {
                Take(server, entry);
            }

            return true;
        }
    }

    private void Take(Guid server, BusEntry entry)
    {
        switch (entry)
        {
            case NodeEntry node:
                Merge(node.Peer, NewPart(node.Peer, node.Version, node.Node, PeerState.Here, server), set: null);
                break;
            case PointerEntry pointer:
                WantIfNewer(pointer.Peer, pointer.Version);
                break;
            case ClaimEntry claim:
                MakeRegisterFor(claim.Peer, claim.Targets ?? []);
                TakeClaim(server, claim);
                break;
            case MoreEntry more:
                MakeRegisterFor(more.Peer, more.Targets);
                break;
            case SetEntry set:
                MakeRegisterFor(set.Peer, set.Added);
                TakeChange(set);
                break;
            case MovingEntry moving:
                TakeMoving(server, moving);
                break;
            case EndEntry end:
                Final(end.Peer, end.Epoch, end.State, server);
                break;
            case ReadyEntry ready:
                TakeReady(ready);
                break;
        }
    }

    private void TakeClaim(Guid server, ClaimEntry claim)
    {
        if (claim.Targets is null && _registers.TryGetValue(claim.Peer, out var register)
            && new StateVersion(claim.Epoch, claim.Tunnels) > register.Tunnels.Version)
        {
            Want(claim.Peer, register);
        }

        Merge(
            claim.Peer,
            NewPart(claim.Peer, new StateVersion(claim.Epoch, claim.Node), claim.Encoded, PeerState.Here, server),
            claim.Targets is { } targets ? new SetPart(new StateVersion(claim.Epoch, claim.Tunnels), [.. targets]) : null);
    }

    private void TakeChange(SetEntry set)
    {
        if (!_registers.TryGetValue(set.Peer, out var register))
        {
            return;
        }

        var now = register.Tunnels;
        if (now.Version == new StateVersion(set.Version.Epoch, set.Base))
        {
            Merge(set.Peer, node: null, new SetPart(set.Version, now.Targets.Union(set.Added).Except(set.Removed)));
        }
        else if (set.Version > now.Version)
        {
            Want(set.Peer, register);
        }
    }

    private void TakeMoving(Guid server, MovingEntry moving)
    {
        if (!_registers.TryGetValue(moving.Peer, out var register))
        {
            return;
        }

        var before = register.Node;
        if (before.Version == moving.Version with { Number = moving.Version.Number - 1 })
        {
            Merge(moving.Peer, new NodePart(moving.Version, before.Node, PeerState.Moving, server), set: null);
        }
        else
        {
            WantIfNewer(moving.Peer, moving.Version);
        }
    }

    private void TakeReady(ReadyEntry ready)
    {
        if (_peers.TryGetValue(ready.To, out var peer)
            && !peer.IsOver
            && _tunnels.Shares(ready.From, ready.To)
            && _registers.TryGetValue(ready.From, out var register)
            && register.Node.Version.Epoch == ready.Epoch
            && peer.Mailbox.Ready(ready.From))
        {
            peer.Wake();
        }
    }

    private void MakeRegisterFor(Guid id, IReadOnlyList<Guid> targets)
    {
        foreach (var target in targets)
        {
            if (_peers.ContainsKey(target))
            {
                MakeRegister(id);
                return;
            }
        }
    }
}
