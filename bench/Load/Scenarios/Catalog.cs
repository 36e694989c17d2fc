using Load.Servers;

namespace Load.Scenarios;

/// <summary>All scenarios, in the order in which they run and are reported.</summary>
internal static class Catalog
{
    public static readonly IReadOnlyList<Scenario> All =
    [
        new DerpThroughput("derp-throughput", "packets between pairs, plain", ServerRole.Derp, webSocket: false),
        new DerpThroughput(
            "derp-tls", "packets between pairs under TLS 1.3 (floor, derplimit: plain)", ServerRole.DerpTls, webSocket: false),
        new DerpThroughput(
            "derp-websocket", "packets between pairs in WebSocket messages (floor, derplimit: without)", ServerRole.Derp, webSocket: true),
        new DerpThroughput(
            "mesh-hop", "packets from clients of one server to those of another of its mesh, under TLS", ServerRole.DerpMesh,
            webSocket: false),
        new DerpLatency(),
        new DerpIdle(),
        new DerpConnect(),
        new StreamEcho("stream-echo", "WebSocket messages there and back", ServerRole.Streams),
        new StreamEcho("stream-echo-tls", "the same with TLS towards the client", ServerRole.StreamsTls),
        new StreamEcho(
            "stream-echo-terminal", "the same as terminals, which Edge keeps over restarts of API servers", ServerRole.Streams,
            StreamPaths.TerminalEcho),
        new StreamBulkTransfer("stream-bulk", "bulk transfers: the backend sends 16 KiB messages without end", ServerRole.Streams),
        new StreamBulkTransfer("stream-bulk-tls", "the same with TLS towards the client", ServerRole.StreamsTls),
        new StreamBulkTransfer(
            "stream-bulk-terminal", "the same as terminals, which Edge keeps over restarts of API servers", ServerRole.Streams,
            StreamPaths.TerminalBulkTransfer),
        new StreamLatency(),
        new StreamIdle(),
        new Rest(),
        new RestLatency(),
        new CoordinateUpdates(),
        new PtyKeystrokes(),
    ];

    /// <summary>Which servers run in a scenario; some only where they differ from another, and nothing is spliced under TLS.</summary>
    public static bool Takes(string server, Scenario scenario) => ServerCatalog.Takes(server, scenario.Role) && server switch
    {
        "haproxy-64k" => scenario is StreamBulkTransfer,
        "haproxy-splice" => scenario is StreamBulkTransfer && scenario.Role is ServerRole.Streams,
        _ => true,
    };
}
