namespace Tailnet.Coordination.Shared;

/// <summary>
/// News of one peer or server for the other servers of a deployment. Entries may arrive late, twice, in another order, or not at all:
/// versions decide what counts, and a gap in the numbers of the frames makes a server read the database again.
/// </summary>
internal abstract record BusEntry;

/// <summary>A peer has this node.</summary>
/// <param name="Peer">The peer.</param>
/// <param name="Version">The node's version.</param>
/// <param name="Node">The encoded node, at most <see cref="MaxNode"/> bytes.</param>
internal sealed record NodeEntry(Guid Peer, StateVersion Version, ReadOnlyMemory<byte> Node) : BusEntry
{
    /// <summary>The most bytes of a node within an entry. A <see cref="PointerEntry"/> stands for a larger one.</summary>
    public const int MaxNode = 2048;
}

/// <summary>A peer has a node that is too large for an entry: whoever needs it reads the peer's row.</summary>
internal sealed record PointerEntry(Guid Peer, StateVersion Version) : BusEntry;

/// <summary>A peer has a new connection, or a server claims an existing one again.</summary>
/// <param name="Peer">The peer.</param>
/// <param name="Epoch">The connection's epoch.</param>
/// <param name="Node">The version of <paramref name="Encoded"/>.</param>
/// <param name="Encoded">The node; empty before the peer has told one, and where a <see cref="PointerEntry"/> follows.</param>
/// <param name="Tunnels">The version of the set of tunnels.</param>
/// <param name="Targets">The set; null when it is too large for an entry, and <see cref="MoreEntry"/> names all of it.</param>
internal sealed record ClaimEntry(
    Guid Peer, long Epoch, long Node, ReadOnlyMemory<byte> Encoded, long Tunnels, IReadOnlyList<Guid>? Targets) : BusEntry;

/// <summary>Targets of tunnels from a set that is too large for its entry. They are names only: the set itself is read.</summary>
internal sealed record MoreEntry(Guid Peer, long Epoch, IReadOnlyList<Guid> Targets) : BusEntry
{
    /// <summary>The most ids within one entry of any kind, so that an entry with a node fits into a frame.</summary>
    public const int MaxIds = 224;
}

/// <summary>A peer's set of tunnels has changed.</summary>
/// <param name="Peer">The peer.</param>
/// <param name="Version">The version of the changed set.</param>
/// <param name="Base">The number of the version to which the change applies; <see cref="NoBase"/> when the set is to be read.</param>
/// <param name="Added">The targets of opened tunnels.</param>
/// <param name="Removed">The targets of removed tunnels.</param>
internal sealed record SetEntry(
    Guid Peer, StateVersion Version, long Base, IReadOnlyList<Guid> Added, IReadOnlyList<Guid> Removed) : BusEntry
{
    /// <summary>No version has this number.</summary>
    public const long NoBase = -1;
}

/// <summary>A peer's server drains. The node of the version before, and the tunnels, are valid until the peer connects elsewhere.</summary>
internal sealed record MovingEntry(Guid Peer, StateVersion Version) : BusEntry;

/// <summary>A peer's connection has ended.</summary>
/// <param name="Peer">The peer.</param>
/// <param name="Epoch">The connection's epoch.</param>
/// <param name="State"><see cref="PeerState.Lost"/> or <see cref="PeerState.Disconnected"/>.</param>
internal sealed record EndEntry(Guid Peer, long Epoch, PeerState State) : BusEntry;

/// <summary>A peer is ready for a handshake with another (tailnet.md §3.6).</summary>
internal sealed record ReadyEntry(Guid From, long Epoch, Guid To) : BusEntry;

/// <summary>A server lives. It tests its own listener with this, and others see the number of its last frame.</summary>
internal sealed record BeatEntry(long Beat) : BusEntry;

/// <summary>A server's state in the database has changed.</summary>
internal sealed record ServerEntry(Guid Server, ServerState State) : BusEntry;

/// <summary>The state of a peer. The numbers are those of the database and of the frames.</summary>
internal enum PeerState
{
    /// <summary>Connected to a server.</summary>
    Here = 0,

    /// <summary>Its server drains; a new connection to another one is expected.</summary>
    Moving = 1,

    /// <summary>The connection ended without a goodbye.</summary>
    Lost = 2,

    /// <summary>The connection ended with a goodbye.</summary>
    Disconnected = 3,
}

/// <summary>The state of a server. The numbers are those of the database and of the frames.</summary>
internal enum ServerState
{
    /// <summary>Serves.</summary>
    Serving = 0,

    /// <summary>Moves its peers to other servers.</summary>
    Draining = 1,

    /// <summary>Has ended as planned.</summary>
    Left = 2,

    /// <summary>Was declared dead by another server.</summary>
    Fenced = 3,
}
