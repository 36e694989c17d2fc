namespace Relay.Derp;

/// <summary>The counters of a server; <see cref="DerpMetrics"/> has the instruments.</summary>
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
