using Tailnet.Coordination.Shared;
using Kind = Tailnet.Messages.CoordinateResponse.Types.PeerUpdate.Types.Kind;

namespace Tailnet.Coordination;

/// <content>What the one writer of this server writes. One write is under way at a time.</content>
internal sealed partial class CoordinatorCore
{
    /// <summary>The most peers of one write.</summary>
    public const int MaxWrite = 256;

    private const int MaxTouched = 1024;
    private const int MaxReady = 1000;
    private static readonly TimeSpan ReadyFor = TimeSpan.FromSeconds(10);

    private readonly Dictionary<Guid, CoordinatedPeer> _claiming = [];
    private readonly Dictionary<Guid, PendingEnd> _ends = [];
    private readonly Queue<CoordinatedPeer> _marked = new();
    private readonly Queue<(CoordinatedPeer From, Guid To, long At)> _ready = new();
    private PendingWrite? _writing;

    /// <summary>Moves a connection to another server: this one drains. Other servers keep its node and tunnels for a while.</summary>
    public void Move(CoordinatedPeer peer)
    {
        lock (_lock)
        {
            End(peer, PeerState.Moving, Closed);
        }
    }

    /// <summary>Returns what to write now; null when there is nothing, or a write is under way.</summary>
    public PendingWrite? TakeWrite()
    {
        lock (_lock)
        {
            if (_generation == Guid.Empty || _writing is not null)
            {
                return null;
            }

            var write = new PendingWrite(_generation, _server);
            if (_claiming.Count > 0)
            {
                TakeClaims(write);
            }
            else
            {
                TakeChanges(write);
            }

            var isEmpty = write.Ends.Count + write.Claims.Count + write.Nodes.Count + write.Sets.Count + write.Ready.Count == 0;
            return isEmpty ? null : _writing = write;
        }
    }

    /// <summary>The write was committed.</summary>
    public void Answer(PendingWrite write, WriteAnswer answer)
    {
        lock (_lock)
        {
            // What was written under an earlier id, or in an earlier generation, is written again.
            if (write.Generation != _generation || write.Server != _server)
            {
                EndWrite(write);
                return;
            }

            foreach (var end in write.Ends)
            {
                if (_ends.TryGetValue(end.Peer, out var current) && ReferenceEquals(current, end))
                {
                    _ends.Remove(end.Peer);
                    DropUnneeded(end.Peer);
                }
            }

            foreach (var node in write.Nodes)
            {
                if (Current(node.Peer, node.Version.Epoch) is { } shared)
                {
                    shared.NodeWritten = Math.Max(shared.NodeWritten, node.Version.Number);
                }
            }

            foreach (var set in write.Sets)
            {
                Current(set.Peer, set.Version.Epoch)?.Confirm(set.Version.Number);
            }

            foreach (var id in answer.Refused)
            {
                // The row says why: a newer connection is elsewhere.
                if (_registers.TryGetValue(id, out var register))
                {
                    Want(id, register);
                }
            }

            foreach (var claim in write.Claims)
            {
                TakeAnswer(claim, answer.Claimed.GetValueOrDefault(claim.Peer));
            }

            write.Ready.Clear();
            EndWrite(write);
        }
    }

    /// <summary>The write failed, or its answer was lost: it is to be done again.</summary>
    public void Fail(PendingWrite write)
    {
        lock (_lock)
        {
            EndWrite(write);
        }
    }

    private bool IsCurrent(CoordinatedPeer peer) => _peers.TryGetValue(peer.Id, out var current) && current == peer && !peer.IsOver;

    private SharedPeer? Current(Guid id, long epoch) =>
        _peers.TryGetValue(id, out var peer) && peer.Shared is { } shared && shared.Epoch == epoch ? shared : null;

    private void Mark(CoordinatedPeer peer)
    {
        if (peer.Shared is { IsClaimed: true, IsMarked: false, HasChanges: true } shared)
        {
            shared.IsMarked = true;
            _marked.Enqueue(peer);
            sharing!.WorkWaits();
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
            if (register.IsUnread && HasLocalNeighbour(id))
            {
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

    private void EndWrite(PendingWrite write)
    {
        _writing = null;
        foreach (var peer in write.Changed)
        {
            peer.Shared!.IsMarked = false;
            if (IsCurrent(peer))
            {
                Mark(peer);
            }
        }

        foreach (var ready in write.Ready)
        {
            _ready.Enqueue((ready.Sender, ready.To, ready.At));
        }

        sharing!.WorkWaits();
    }

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

    private void TakeChanges(PendingWrite write)
    {
        foreach (var end in _ends.Values)
        {
            write.Ends.Add(end);
            if (write.Ends.Count == MaxWrite)
            {
                break;
            }
        }

        var touched = 0;
        while (touched < MaxTouched && write.Ends.Count + write.Changed.Count < MaxWrite && _marked.TryDequeue(out var peer))
        {
            var shared = peer.Shared!;
            if (!IsCurrent(peer) || !shared.IsClaimed || !shared.HasChanges)
            {
                // Its last changes were written with a claim.
                shared.IsMarked = false;
                continue;
            }

            write.Changed.Add(peer);
            if (shared.NewNode(peer.Id, peer.Node) is { } node)
            {
                write.Nodes.Add(node);
            }

            if (shared.Changes(peer.Id, _tunnels.Opened(peer.Id)) is { } set)
            {
                write.Sets.Add(set);
                touched += shared.Touched.Count;
            }
        }

        TakeReady(write);
    }

    private void TakeReady(PendingWrite write)
    {
        for (var left = _ready.Count; left > 0; left--)
        {
            var (from, to, at) = _ready.Dequeue();
            if (!IsCurrent(from) || sharing!.Time.GetElapsedTime(at) > ReadyFor)
            {
                continue;
            }

            if (from.Shared!.IsClaimed)
            {
                write.Ready.Add(new PendingReady(from, to, at));
            }
            else
            {
                _ready.Enqueue((from, to, at));
            }
        }
    }

    private void ReadyElsewhere(CoordinatedPeer peer, Guid target)
    {
        if (_ready.Count == MaxReady)
        {
            _ready.Dequeue();
        }

        _ready.Enqueue((peer, target, sharing!.Time.GetTimestamp()));
        sharing.WorkWaits();
    }
}
