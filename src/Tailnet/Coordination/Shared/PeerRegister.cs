using System.Collections.Immutable;

namespace Tailnet.Coordination.Shared;

/// <summary>
/// A server's knowledge of a peer: its node and its set of tunnels, each with a version. Whatever arrives replaces a part when its version
/// is greater (R1 of the specification). Not thread-safe: the coordinator holds its lock.
/// </summary>
internal sealed class PeerRegister
{
    public NodePart Node { get; set; } = new(default, null, PeerState.Here, Guid.Empty);

    public SetPart Tunnels { get; set; } = new(default, []);

    /// <summary>The time of the last change of <see cref="Node"/>, as a timestamp of the clock.</summary>
    public long ChangedAt { get; set; }

    /// <summary>The register is kept until a read with at least this number is answered; 0 for none.</summary>
    public long ReadAfter { get; set; }

    /// <summary>Whether it was made for a local connection, whose claim brings what is in the database, and was never read.</summary>
    public bool IsUnread { get; set; }

    /// <summary>The version that was judged to be gone. It is never merged: a newer version ends the judgement.</summary>
    public StateVersion? Hidden { get; set; }

    /// <summary>The version for which the database had no row.</summary>
    public StateVersion? Doubted { get; private set; }

    /// <summary>The time at which the doubt began.</summary>
    public long DoubtedAt { get; private set; }

    public void Doubt(long now)
    {
        if (Doubted != Node.Version)
        {
            (Doubted, DoubtedAt) = (Node.Version, now);
        }
    }

    public void EndDoubt() => Doubted = null;
}

/// <summary>A peer's node and state.</summary>
/// <param name="Version">The version.</param>
/// <param name="Node">The node; null before the peer has told one, and after the end.</param>
/// <param name="State">The state.</param>
/// <param name="Server">The server of the connection.</param>
internal readonly record struct NodePart(StateVersion Version, NodeSnapshot? Node, PeerState State, Guid Server);

/// <summary>The tunnels that a peer has opened.</summary>
internal readonly record struct SetPart(StateVersion Version, ImmutableHashSet<Guid> Targets);

/// <summary>A peer's row in the database, with its tunnels.</summary>
internal sealed record PeerRow(
    long Epoch,
    Guid Server,
    PeerState State,
    long Version,
    ReadOnlyMemory<byte>? Node,
    long TunnelsVersion,
    ImmutableHashSet<Guid> Targets);
