namespace Edge.Derp.Live;

/// <summary>
/// The traffic of one client's connection. "In" is from the client, "out" is to it. Only payloads count.
/// </summary>
/// <param name="Key">The client's key, <c>nodekey:</c> and 64 hex digits.</param>
/// <param name="Short">The key in the short form of Tailscale's logs.</param>
/// <param name="Address">Address and port; null when they are not known.</param>
/// <param name="Kind"><c>regular</c>, or a list of <c>mesh_peer</c>, <c>prober</c> and <c>not_ideal</c>.</param>
/// <param name="ConnectedSince">The time of its admission.</param>
/// <param name="BytesInPerSecond">Average over the last second.</param>
/// <param name="PacketsInPerSecond">Average over the last second.</param>
/// <param name="BytesOutPerSecond">Average over the last second.</param>
/// <param name="PacketsOutPerSecond">Average over the last second.</param>
/// <param name="BytesIn">Total since its admission.</param>
/// <param name="BytesOut">Total since its admission.</param>
/// <param name="QueuePackets">Packets in its send queue.</param>
/// <param name="QueueBytes">Memory of its send queue in bytes.</param>
/// <param name="Dropped">Packets that its send queue has dropped.</param>
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
/// <param name="Connections">Number of all connections.</param>
/// <param name="Clients">The connections with the most traffic, the busiest first.</param>
internal sealed record TrafficView(int Connections, IReadOnlyList<ClientTraffic> Clients);

/// <summary>A line of <c>/debug/traffic/</c>, in derper's format.</summary>
/// <param name="Sent">Total of bytes sent to the client.</param>
/// <param name="Recv">Total of bytes received from the client.</param>
/// <param name="Key">The client's key.</param>
internal sealed record TrafficLine(long Sent, long Recv, string Key);
