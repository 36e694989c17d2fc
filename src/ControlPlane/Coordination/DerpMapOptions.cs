using System.Net;

namespace ControlPlane.Coordination;

/// <summary>Of what the DERP map consists (tailnet.md §8.3), and how clients are to use it. Two regions with one id stop the start.</summary>
public sealed class DerpMapOptions
{
    /// <summary>Whether clients find a DERP relay where they find this server: the embedded region. Default true. Without a public URL there is none.</summary>
    public bool HasEmbeddedRelay { get; init; } = true;

    /// <summary>The embedded region's id. Default 999.</summary>
    public int EmbeddedRegionId { get; init; } = 999;

    /// <summary>The embedded region's short name. Default <c>embedded</c>.</summary>
    public string EmbeddedRegionCode { get; init; } = "embedded";

    /// <summary>The embedded region's name for people. Default <c>Embedded Relay</c>.</summary>
    public string EmbeddedRegionName { get; init; } = "Embedded Relay";

    /// <summary>The UDP port where STUN answers at the public URL's host; -1: nowhere. Default -1.</summary>
    public int EmbeddedStunPort { get; init; } = -1;

    /// <summary>More regions. Default none.</summary>
    public IReadOnlyList<DerpRegionOptions> Regions { get; init; } = [];

    /// <summary>STUN servers; each becomes a region of its own, 1000 and following, that relays nothing. Default none.</summary>
    public IReadOnlyList<DnsEndPoint> StunServers { get; init; } = [];

    /// <summary>Files that hold maps as JSON with Go's field names (tailnet.md §4.2). Read at the start and then each <see cref="RefreshInterval"/>.</summary>
    public IReadOnlyList<string> Files { get; init; } = [];

    /// <summary>The same at http or https URLs.</summary>
    public IReadOnlyList<Uri> Urls { get; init; } = [];

    /// <summary>How often files and URLs are read again. One that fails then keeps its last regions. Default 5 min.</summary>
    public TimeSpan RefreshInterval { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long a URL may take to answer. Default 10 s.</summary>
    public TimeSpan FetchTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The longest file or answer, in bytes. Default 4 MiB.</summary>
    public int MaxSourceBytes { get; init; } = 4 * 1024 * 1024;

    /// <summary>Whether clients and agents may only talk through relays: no STUN is in the map then. Default false.</summary>
    public bool BlockDirect { get; init; }

    /// <summary>Whether clients and agents are to reach relays by WebSocket alone. Default false.</summary>
    public bool ForceWebSockets { get; init; }
}
