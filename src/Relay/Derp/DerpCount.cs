namespace Relay.Derp;

/// <summary>The things that are counted; the instruments are in <c>DerpMetrics</c>.</summary>
internal enum DerpCount
{
    Accepts,
    WebSocketAccepts,
    PacketsReceivedDisco,
    PacketsReceivedOther,
    BytesReceived,
    PacketsSent,
    BytesSent,
    PacketsForwardedOut,
    PacketsForwardedIn,
    UnknownFrames,
    HomeMovesIn,
    HomeMovesOut,
    GotPing,
    SentPong,
    PeerGoneDisconnected,
    PeerGoneNotHere,
    MultiForwarderCreated,
    MultiForwarderDeleted,
    ForwarderDeleteOtherValue,
    WriteTimeouts,
    RateLimitWaits,
    CurrentHome,
    CurrentNotIdeal,
    CurrentDupKeys,
    CurrentDupConnections,
    TotalDupConnections,
    Last,
}
