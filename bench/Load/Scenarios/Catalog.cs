using Load.Servers;

namespace Load.Scenarios;

/// <summary>All scenarios, in the order in which they run and are reported.</summary>
internal static class Catalog
{
    public static readonly IReadOnlyList<Scenario> All =
    [
        new DerpThroughput("derp-throughput", "packets between pairs, plain", ServerRole.Derp, webSocket: false),
        new DerpThroughput("derp-tls", "packets between pairs under TLS 1.3", ServerRole.DerpTls, webSocket: false),
        new DerpThroughput("derp-websocket", "packets between pairs in WebSocket messages", ServerRole.Derp, webSocket: true),
        new DerpLatency(),
        new DerpIdle(),
        new DerpConnect(),
        new StreamEcho(),
        new StreamPour(),
        new StreamLatency(),
        new StreamIdle(),
        new Rest(),
    ];

    /// <summary>Which servers cannot do what a scenario asks, though they take its role.</summary>
    public static bool Takes(string server, Scenario scenario) =>
        ServerCatalog.Takes(server, scenario.Role) && !(scenario.Name == "derp-websocket" && (server is "floor" or "derplimit"));
}
