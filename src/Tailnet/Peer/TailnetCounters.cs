using Tailnet.Ip;
using Tailnet.Ip.Tcp;
using Tailnet.WireGuard;

namespace Tailnet.Peer;

/// <summary>Counters of a stack, mostly of what it has dropped. The stack's lock guards them.</summary>
internal sealed class TailnetCounters
{
    /// <summary>Messages from relays.</summary>
    public long Received { get; set; }

    /// <summary>Bytes of the messages from relays.</summary>
    public long ReceivedBytes { get; set; }

    /// <summary>Messages that relays have accepted.</summary>
    public long Sent { get; set; }

    /// <summary>Bytes of the messages that relays have accepted.</summary>
    public long SentBytes { get; set; }

    /// <summary>Finished handshakes that this node has begun.</summary>
    public long Initiated { get; set; }

    /// <summary>Finished handshakes that agents have begun.</summary>
    public long Answered { get; set; }

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

    /// <summary>What was dropped, by reason.</summary>
    /// <param name="tcp">The counters of the connections.</param>
    public IReadOnlyDictionary<string, long> Drops(TcpCounters tcp)
    {
        var drops = new Dictionary<string, long>
        {
            ["unknown_key"] = UnknownKeys,
            ["disco"] = Disco,
            ["unsent"] = Unsent,
            ["bad_node"] = BadNodes,
            ["bad_ip"] = Packets[(int)PacketVerdict.BadIp],
            ["bad_payload"] = Packets[(int)PacketVerdict.BadPayload],
            ["no_connection"] = Packets[(int)PacketVerdict.NoConnection],
            ["answer_limit"] = Packets[(int)PacketVerdict.RateLimited],
            ["unacceptable_segment"] = tcp.Unacceptable,
            ["no_buffer"] = tcp.NoBuffer,
        };
        foreach (var reason in Enum.GetValues<DropReason>())
        {
            if (reason is not DropReason.None)
            {
                drops[reason.Label()] = Messages[(int)reason];
            }
        }

        return drops;
    }
}
