using System.Net;

namespace ControlPlane.Coordination;

/// <summary>
/// The sources of the DERP map (tailnet.md §8.3), and its rules for clients. Two regions with the same id stop the start.
/// </summary>
public sealed class DerpMapOptions
{
    /// <summary>
    /// Whether the map contains the embedded region, a DERP relay at the public URL. Without a public URL there is none. Default true.
    /// </summary>
    public bool HasEmbeddedRelay { get; init; } = true;

    /// <summary>The embedded region's id. Default 999.</summary>
    public int EmbeddedRegionId { get; init; } = 999;

    /// <summary>The embedded region's short name. Default <c>embedded</c>.</summary>
    public string EmbeddedRegionCode { get; init; } = "embedded";

    /// <summary>The embedded region's display name. Default <c>Embedded Relay</c>.</summary>
    public string EmbeddedRegionName { get; init; } = "Embedded Relay";

    /// <summary>The UDP port of STUN at the public URL's host; -1: none. Default -1.</summary>
    public int EmbeddedStunPort { get; init; } = -1;

    /// <summary>Additional regions. Default none.</summary>
    public IReadOnlyList<DerpRegionOptions> Regions { get; init; } = [];

    /// <summary>STUN servers. Each becomes a region of its own, from id 1000 on, without a relay. Default none.</summary>
    public IReadOnlyList<DnsEndPoint> StunServers { get; init; } = [];

    /// <summary>
    /// Files with maps as JSON with Go's field names (tailnet.md §4.2), which are read at the start and after each
    /// <see cref="RefreshInterval"/>. Default none.
    /// </summary>
    public IReadOnlyList<string> Files { get; init; } = [];

    /// <summary>The same as <see cref="Files"/>, at http or https URLs. Default none.</summary>
    public IReadOnlyList<Uri> Urls { get; init; } = [];

    /// <summary>The interval at which files and URLs are read again. After a failure the last regions stay. Default 5 min.</summary>
    public TimeSpan RefreshInterval { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>The timeout of a request to a URL. Default 10 s.</summary>
    public TimeSpan FetchTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The longest file or response body, in bytes. Default 4 MiB.</summary>
    public int MaxSourceBytes { get; init; } = 4 * 1024 * 1024;

    /// <summary>
    /// Whether direct connections between clients and agents are blocked. The map then contains no STUN server. Default false.
    /// </summary>
    public bool BlockDirect { get; init; }

    /// <summary>Whether clients and agents must use WebSockets to relays. Default false.</summary>
    public bool ForceWebSockets { get; init; }
}
