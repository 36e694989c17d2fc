namespace Tailnet.Ip.Wire;

/// <summary>The next-header numbers that a tailnet node supports. Packets with another number are dropped.</summary>
internal enum IpProtocol : byte
{
    /// <summary>TCP (RFC 9293).</summary>
    Tcp = 6,

    /// <summary>ICMPv6 (RFC 4443).</summary>
    IcmpV6 = 58,

    /// <summary>TSMP, Tailscale's pings inside the tunnel. The number is IANA's "any private encryption scheme".</summary>
    Tsmp = 99,
}
