namespace ControlPlane.Coordination;

/// <summary>A region of the DERP map (tailnet.md §4.2).</summary>
public sealed record DerpRegionOptions
{
    /// <summary>Its number, from 1.</summary>
    public required int Id { get; init; }

    /// <summary>Its short name.</summary>
    public required string Code { get; init; }

    /// <summary>Its name for people.</summary>
    public required string Name { get; init; }

    /// <summary>Whether clients make it their home only if there is no other.</summary>
    public bool Avoid { get; init; }

    /// <summary>Whether its relays are probed, so that one that is down leaves the map. The embedded region's always is.</summary>
    public bool Probe { get; init; }

    /// <summary>Its relays, in the order in which clients try them.</summary>
    public required IReadOnlyList<DerpNodeOptions> Nodes { get; init; }
}

/// <summary>A relay or STUN server of a region. Texts are empty where there is nothing to say.</summary>
public sealed record DerpNodeOptions
{
    /// <summary>Its name, one of a kind in its region.</summary>
    public required string Name { get; init; }

    /// <summary>Where it is: a name or an address.</summary>
    public required string HostName { get; init; }

    /// <summary>The name in its certificate; empty: the host name.</summary>
    public string CertName { get; init; } = "";

    /// <summary>Its IPv4 address in place of a look-up; <c>none</c>: it has none.</summary>
    public string IPv4 { get; init; } = "";

    /// <summary>Its IPv6 address in place of a look-up; <c>none</c>: it has none.</summary>
    public string IPv6 { get; init; } = "";

    /// <summary>The TCP port of DERP; 0: 443.</summary>
    public int DerpPort { get; init; }

    /// <summary>The UDP port of STUN; 0: 3478; -1: none.</summary>
    public int StunPort { get; init; }

    /// <summary>Whether it relays nothing.</summary>
    public bool StunOnly { get; init; }

    /// <summary>Whether clients use http in place of https.</summary>
    public bool ForceHttp { get; init; }

    /// <summary>Whether its port 80 answers, by which clients find captive portals.</summary>
    public bool CanPort80 { get; init; }
}
