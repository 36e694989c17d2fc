namespace Edge.Derp.Live;

/// <summary>One client's connection and what passes over it now. In is from the client, out is to it; bytes and packets are those of payloads.</summary>
/// <param name="Key">The client's key, <c>nodekey:</c> and 64 hex digits.</param>
/// <param name="Short">The key as Tailscale's logs write it.</param>
/// <param name="Address">Address and port; null when they are not known.</param>
/// <param name="Kind"><c>regular</c>, or what it is besides: <c>mesh_peer</c>, <c>prober</c>, <c>not_ideal</c>.</param>
/// <param name="ConnectedSince">When it was let in.</param>
/// <param name="BytesInPerSecond">Over the last second.</param>
/// <param name="PacketsInPerSecond">Over the last second.</param>
/// <param name="BytesOutPerSecond">Over the last second.</param>
/// <param name="PacketsOutPerSecond">Over the last second.</param>
/// <param name="BytesIn">Since it was let in.</param>
/// <param name="BytesOut">Since it was let in.</param>
/// <param name="QueuePackets">Packets that wait for it.</param>
/// <param name="QueueBytes">Bytes of memory in which they wait.</param>
/// <param name="Dropped">Packets for it that its queue lost.</param>
internal sealed record ClientTraffic(
    string Key,
    string Short,
    string? Address,
    string Kind,
    DateTimeOffset ConnectedSince,
    long BytesInPerSecond,
    long PacketsInPerSecond,
    long BytesOutPerSecond,
    long PacketsOutPerSecond,
    long BytesIn,
    long BytesOut,
    int QueuePackets,
    long QueueBytes,
    long Dropped);

/// <summary>The answer of <c>/derp/clients</c>.</summary>
/// <param name="Connections">How many there are.</param>
/// <param name="Clients">Those with the most traffic, the busiest first.</param>
internal sealed record TrafficView(int Connections, IReadOnlyList<ClientTraffic> Clients);

/// <summary>A line of <c>/debug/traffic/</c>, as derper writes it.</summary>
/// <param name="Sent">Bytes sent to the client so far.</param>
/// <param name="Recv">Bytes that came from it so far.</param>
/// <param name="Key">Its key.</param>
internal sealed record TrafficLine(long Sent, long Recv, string Key);
