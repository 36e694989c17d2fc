namespace ControlPlane.Coordination;

/// <summary>A region of the DERP map (tailnet.md §4.2).</summary>
public sealed record DerpRegionOptions
{
    /// <summary>The region's id: 1 or greater.</summary>
    public required int Id { get; init; }

    /// <summary>The short name.</summary>
    public required string Code { get; init; }

    /// <summary>The display name.</summary>
    public required string Name { get; init; }

    /// <summary>Whether clients choose the region as their home only if there is no other.</summary>
    public bool Avoid { get; init; }

    /// <summary>
    /// Whether the region's relays are probed, and leave the map while they are down. The embedded region is always probed.
    /// </summary>
    public bool Probe { get; init; }

    /// <summary>The region's relays, in the order in which clients try them.</summary>
    public required IReadOnlyList<DerpNodeOptions> Nodes { get; init; }
}

/// <summary>A relay or STUN server of a region.</summary>
public sealed record DerpNodeOptions
{
    /// <summary>The name, unique in the region.</summary>
    public required string Name { get; init; }

    /// <summary>The DNS name or address.</summary>
    public required string HostName { get; init; }

    /// <summary>The name in the TLS certificate; empty: the host name.</summary>
    public string CertName { get; init; } = "";

    /// <summary>An IPv4 address in place of a DNS lookup; <c>none</c>: no IPv4; empty: a DNS lookup.</summary>
    public string IPv4 { get; init; } = "";

    /// <summary>An IPv6 address in place of a DNS lookup; <c>none</c>: no IPv6; empty: a DNS lookup.</summary>
    public string IPv6 { get; init; } = "";

    /// <summary>The TCP port of DERP; 0: 443.</summary>
    public int DerpPort { get; init; }

    /// <summary>The UDP port of STUN; 0: 3478; -1: none.</summary>
    public int StunPort { get; init; }

    /// <summary>Whether the node is only a STUN server.</summary>
    public bool StunOnly { get; init; }

    /// <summary>Whether clients use http in place of https.</summary>
    public bool ForceHttp { get; init; }

    /// <summary>Whether port 80 answers the captive portal checks of clients.</summary>
    public bool CanPort80 { get; init; }
}
