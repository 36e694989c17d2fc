using Tailnet.Ip;
using Tailnet.WireGuard;

namespace Tailnet.Peer;

/// <summary>What a shard has dropped. They change under the shard's lock.</summary>
internal sealed class TailnetCounters
{
    /// <summary>Messages from keys that are no agent's.</summary>
    public long UnknownKeys { get; set; }

    /// <summary>Messages of magicsock's discovery, which this node does not speak.</summary>
    public long Disco { get; set; }

    /// <summary>Messages for which the relays had no way.</summary>
    public long Unsent { get; set; }

    /// <summary>Nodes that were not taken: no home, no address, a key that gives no secret, or the key of another agent.</summary>
    public long BadNodes { get; set; }

    /// <summary>Messages that WireGuard has dropped, by <see cref="DropReason"/>.</summary>
    public long[] Messages { get; } = new long[Enum.GetValues<DropReason>().Length];

    /// <summary>Packets that the IP layer has dropped, by <see cref="PacketVerdict"/>.</summary>
    public long[] Packets { get; } = new long[Enum.GetValues<PacketVerdict>().Length];
}
