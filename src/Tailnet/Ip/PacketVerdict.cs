namespace Tailnet.Ip;

/// <summary>What became of a received packet; also the metric label of a dropped one.</summary>
internal enum PacketVerdict
{
    /// <summary>It was taken.</summary>
    Taken = 0,

    /// <summary>It is not IPv6, is cut short, has a next header that is not supported, or has the wrong addresses.</summary>
    BadIp,

    /// <summary>Its TCP or ICMPv6 part is malformed or has a wrong checksum.</summary>
    BadPayload,

    /// <summary>No connection has these ports.</summary>
    NoConnection,

    /// <summary>It asks for an answer that the rate limit does not allow.</summary>
    RateLimited,
}
