namespace Tailnet.Peer;

/// <summary>What a tailnet node has counted since its start, and its present size.</summary>
/// <param name="Peers">Agents with state, by state.</param>
/// <param name="Connections">Open TCP connections.</param>
/// <param name="BufferedBytes">Bytes of memory in the buffers of all connections.</param>
/// <param name="MessagesReceived">Messages from relays.</param>
/// <param name="BytesReceived">Bytes of these messages.</param>
/// <param name="MessagesSent">Messages that relays have accepted.</param>
/// <param name="BytesSent">Bytes of these messages.</param>
/// <param name="Initiated">Handshakes that this node has begun and finished.</param>
/// <param name="Answered">Handshakes that agents have begun, and that were finished.</param>
/// <param name="Drops">Messages and packets that were dropped, by reason.</param>
/// <param name="Retransmits">TCP segments that were sent again, by kind: fast, timeout, tail_probe, spurious.</param>
public sealed record TailnetStatistics(
    IReadOnlyDictionary<TailnetPeerState, int> Peers,
    int Connections,
    long BufferedBytes,
    long MessagesReceived,
    long BytesReceived,
    long MessagesSent,
    long BytesSent,
    long Initiated,
    long Answered,
    IReadOnlyDictionary<string, long> Drops,
    IReadOnlyDictionary<string, long> Retransmits);
