namespace Tailnet.Ip.Wire;

/// <summary>The next-header numbers that a tailnet node reads. Every other number is dropped.</summary>
internal enum IpProtocol : byte
{
    /// <summary>RFC 9293.</summary>
    Tcp = 6,

    /// <summary>RFC 4443.</summary>
    IcmpV6 = 58,

    /// <summary>Tailscale's pings inside the tunnel. The number is IANA's "any private encryption scheme".</summary>
    Tsmp = 99,
}
