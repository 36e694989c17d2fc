using System.Collections.Immutable;

namespace Tailnet.Coordination.Shared;

/// <summary>
/// What one transaction of a server writes, in this order: ends, claims, nodes, sets. All of it stays marked until the answer, so that a
/// write whose answer was lost is done again.
/// </summary>
/// <param name="Generation">The generation of the tables for which it was made.</param>
/// <param name="Server">The server that writes.</param>
internal sealed record PendingWrite(Guid Generation, Guid Server)
{
    public List<PendingEnd> Ends { get; } = [];

    public List<PendingClaim> Claims { get; } = [];

    public List<PendingNode> Nodes { get; } = [];

    public List<PendingSet> Sets { get; } = [];

    public List<PendingReady> Ready { get; } = [];

    /// <summary>The connections whose changes it has.</summary>
    public List<CoordinatedPeer> Changed { get; } = [];

    /// <summary>Returns the news for the other servers, in the order of sending.</summary>
    /// <param name="claimed">The database's answers to the claims. A peer without one has a newer connection elsewhere.</param>
    /// <param name="limits">The sizes of entries.</param>
    public List<BusEntry> Entries(IReadOnlyDictionary<Guid, ClaimedPeer> claimed, EntryLimits limits)
    {
        var entries = new List<BusEntry>();
        foreach (var end in Ends)
        {
            end.AddTo(entries, limits);
        }

        foreach (var claim in Claims)
        {
            if (claimed.TryGetValue(claim.Peer, out var answer))
            {
                claim.AddTo(entries, answer, limits);
            }
        }

        foreach (var node in Nodes)
        {
            node.AddTo(entries, limits);
        }

        foreach (var set in Sets)
        {
            set.AddTo(entries, limits);
        }

        // Last, so that a client never gets it before the node.
        foreach (var ready in Ready)
        {
            entries.Add(new ReadyEntry(ready.Sender.Id, ready.Epoch, ready.To));
        }

        return entries;
    }
}

/// <summary>The sizes of entries.</summary>
/// <param name="Node">The most bytes of a node. A pointer stands for a larger one.</param>
/// <param name="Ids">The most ids within an entry.</param>
internal sealed record EntryLimits(int Node, int Ids)
{
    public static EntryLimits Default { get; } = new(NodeEntry.MaxNode, MoreEntry.MaxIds);
}

/// <summary>A peer's node, to be written where the row has this epoch and no greater version.</summary>
internal sealed record PendingNode(Guid Peer, StateVersion Version, NodeSnapshot Node)
{
    public void AddTo(List<BusEntry> entries, EntryLimits limits) => entries.Add(
        Node.Bytes.Length > limits.Node ? new PointerEntry(Peer, Version) : new NodeEntry(Peer, Version, Node.Bytes));
}

/// <summary>
/// The changes of a peer's set of tunnels since version <paramref name="Base"/>, to be written where the row has this epoch and no greater
/// version.
/// </summary>
internal sealed record PendingSet(Guid Peer, StateVersion Version, long Base, Guid[] Added, Guid[] Removed)
{
    public void AddTo(List<BusEntry> entries, EntryLimits limits)
    {
        if (Added.Length + Removed.Length <= limits.Ids)
        {
            entries.Add(new SetEntry(Peer, Version, Base, Added, Removed));
            return;
        }

        entries.Add(new SetEntry(Peer, Version, SetEntry.NoBase, [], []));
        foreach (var ids in Added.Chunk(limits.Ids))
        {
            entries.Add(new MoreEntry(Peer, Version.Epoch, ids));
        }
    }
}

/// <summary>The end of a connection, or its last changes before a newer connection to the same server.</summary>
/// <param name="Peer">The peer.</param>
/// <param name="Epoch">The connection's epoch.</param>
/// <param name="State">Moving, lost, disconnected; null when a newer connection follows, whose claim takes the state.</param>
internal sealed record PendingEnd(Guid Peer, long Epoch, PeerState? State)
{
    /// <summary>The last node, which is written before the state <see cref="PeerState.Moving"/>.</summary>
    public PendingNode? Node { get; init; }

    /// <summary>The last changes of the set, which are written before the state.</summary>
    public PendingSet? Set { get; init; }

    /// <summary>The number of the version with the state <see cref="PeerState.Moving"/>.</summary>
    public long Version { get; init; }

    public void AddTo(List<BusEntry> entries, EntryLimits limits)
    {
        Node?.AddTo(entries, limits);
        Set?.AddTo(entries, limits);
        if (State is PeerState.Moving)
        {
            entries.Add(new MovingEntry(Peer, new StateVersion(Epoch, Version)));
        }
        else if (State is { } state)
        {
            entries.Add(new EndEntry(Peer, Epoch, state));
        }
    }
}

/// <summary>A connection for which the database is to give an epoch.</summary>
/// <param name="Connection">The connection.</param>
/// <param name="Known">
/// Rows with a greater epoch, of other servers, are left alone: <see cref="long.MaxValue"/> for a new connection, its epoch for one that is
/// claimed again, 0 for one that has ended meanwhile.
/// </param>
/// <param name="Ended">The state, when the connection has ended meanwhile.</param>
internal sealed record PendingClaim(CoordinatedPeer Connection, long Known, PeerState? Ended)
{
    public Guid Peer => Connection.Id;

    public required long NodeVersion { get; init; }

    /// <summary>The node; null before the peer has told one.</summary>
    public required NodeSnapshot? Node { get; init; }

    public required long SetVersion { get; init; }

    /// <summary>The set of a connection that is claimed again; null to change the row's set.</summary>
    public required ImmutableHashSet<Guid>? Whole { get; init; }

    /// <summary>Tunnels that the client has opened, which the row's set may have already.</summary>
    public required Guid[] Added { get; init; }

    /// <summary>Tunnels that the client has removed, which the row's set may lack.</summary>
    public required Guid[] Removed { get; init; }

    /// <summary>Returns the set to write.</summary>
    /// <param name="kept">The row's set, from the connection before.</param>
    public ImmutableHashSet<Guid> SetOn(ImmutableHashSet<Guid> kept) => Whole ?? kept.Except(Removed).Union(Added);

    public void AddTo(List<BusEntry> entries, ClaimedPeer answer, EntryLimits limits)
    {
        if (Ended is { } state)
        {
            entries.Add(new EndEntry(Peer, answer.Epoch, state));
            return;
        }

        var set = SetOn(answer.Kept);
        Guid[]? targets = set.Count <= limits.Ids ? [.. set] : null;
        var isLarge = Node?.Bytes.Length > limits.Node;
        entries.Add(isLarge
            ? new ClaimEntry(Peer, answer.Epoch, 0, default, SetVersion, targets)
            : new ClaimEntry(Peer, answer.Epoch, NodeVersion, Node?.Bytes ?? default, SetVersion, targets));
        if (isLarge)
        {
            entries.Add(new PointerEntry(Peer, new StateVersion(answer.Epoch, NodeVersion)));
        }

        // All of the set: a server may have dropped its register of the peer at the end of an older connection.
        foreach (var ids in targets is null ? set.Chunk(limits.Ids) : [])
        {
            entries.Add(new MoreEntry(Peer, answer.Epoch, ids));
        }
    }
}

/// <summary>A peer is ready for a handshake with a peer of another server.</summary>
/// <param name="Sender">The connection.</param>
/// <param name="To">The other peer.</param>
/// <param name="At">The time, as a timestamp of the clock.</param>
internal sealed record PendingReady(CoordinatedPeer Sender, Guid To, long At)
{
    public long Epoch { get; } = Sender.Shared!.Epoch;
}

/// <summary>The database's answer to a claim.</summary>
/// <param name="Epoch">The new epoch.</param>
/// <param name="Kept">The set of the connection before.</param>
internal sealed record ClaimedPeer(long Epoch, ImmutableHashSet<Guid> Kept);

/// <summary>The database's answer to a write.</summary>
/// <param name="Claimed">The claims that it has granted.</param>
/// <param name="Refused">Peers whose node or set was not written, because the row has another epoch or a greater version.</param>
internal sealed record WriteAnswer(IReadOnlyDictionary<Guid, ClaimedPeer> Claimed, IReadOnlyCollection<Guid> Refused);
