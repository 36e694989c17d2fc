namespace Tailnet.Ip;

/// <summary>The outcome of <see cref="PeerHost.Receive"/>; the name is also the metric label of a dropped packet.</summary>
internal enum PacketVerdict
{
    /// <summary>The packet was processed.</summary>
    Taken = 0,

    /// <summary>The packet is not IPv6, is truncated, has an unsupported next header, or has the wrong addresses.</summary>
    BadIp,

    /// <summary>The TCP, ICMPv6 or TSMP part is malformed, or a checksum is wrong.</summary>
    BadPayload,

    /// <summary>No connection matches the address and the ports.</summary>
    NoConnection,

    /// <summary>The packet needs an answer that a rate limit forbids.</summary>
    RateLimited,
}
