using Tailnet.Coordination.Shared;

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
