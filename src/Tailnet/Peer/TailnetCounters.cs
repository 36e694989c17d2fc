using Tailnet.Ip;
using Tailnet.WireGuard;

namespace Tailnet.Peer;

/// <summary>Counters of what a stack has dropped. The stack's lock guards them.</summary>
internal sealed class TailnetCounters
{
    /// <summary>Messages from keys that belong to no agent.</summary>
    public long UnknownKeys { get; set; }

    /// <summary>Messages of magicsock's discovery protocol (disco) that were not answered.</summary>
    public long Disco { get; set; }

    /// <summary>Messages that <see cref="IRelayOutput"/> refused.</summary>
    public long Unsent { get; set; }

    /// <summary>Nodes that were refused: no home region, no address, a key without a shared secret, or another agent's key.</summary>
    public long BadNodes { get; set; }

    /// <summary>Messages that WireGuard has dropped, by <see cref="DropReason"/>.</summary>
    public long[] Messages { get; } = new long[Enum.GetValues<DropReason>().Length];

    /// <summary>Packets that the IP layer has dropped, by <see cref="PacketVerdict"/>.</summary>
    public long[] Packets { get; } = new long[Enum.GetValues<PacketVerdict>().Length];
}
