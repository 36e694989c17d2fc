using System.Diagnostics;
using System.Net.WebSockets;

namespace MetricsSuite;

/// <summary>The names, types and descriptions at <c>/metrics</c>, as Prometheus' own linter sees them.</summary>
public sealed class MetricsTests
{
    // derper's (docs/wire/derp.md §6.5): its dashboards and alerts know them so.
    private static readonly HashSet<string> Derper =
    [
        "bootstrap_dns_published_hits", "bootstrap_dns_published_misses", "bootstrap_dns_requests", "derp_accepts", "derp_bytes_dropped",
        "derp_bytes_received", "derp_bytes_sent", "derp_clients_total", "derp_got_ping", "derp_home_moves_in", "derp_home_moves_out",
        "derp_multiforwarder_created", "derp_multiforwarder_deleted", "derp_packet_forwarder_delete_other_value", "derp_packets_dropped",
        "derp_packets_forwarded_in", "derp_packets_forwarded_out", "derp_packets_received", "derp_packets_received_kind",
        "derp_packets_sent", "derp_peer_gone_disconnected_frames", "derp_peer_gone_not_here_frames", "derp_rate_limit_per_client_waited",
        "derp_sclient_write_timeouts", "derp_sent_pong", "derp_total_dup_client_conns", "derp_unknown_frames", "derp_websocket_accepts",
        "stun_addrfamily", "stun_requests", "uptime_sec",
    ];

    [Fact]
    public async Task PromtoolComplainsOfNothingButDerpersNames()
    {
        using var directory = new TemporaryDirectory();
        await using var edge = await EdgeProcess.StartAsync(
            directory.Path,
            [
                "--urls", "http://127.0.0.1:0", "--Edge:Admin:Url=http://127.0.0.1:0", $"--Edge:DataDirectory={directory.File("data")}",
                "--Edge:RateLimit:PerMinute=20",
            ]);
        using var admin = new HttpClient { BaseAddress = edge.UrlOf("admin") };
        await UseAsync(edge.UrlOf("public"), Path.Combine(directory.File("data"), "bootstrap.json"));

        var metrics = await admin.GetStringAsync("/metrics");
        var complaints = await LintAsync(metrics);

        foreach (var family in new[]
        {
            "edge_streams_started_total", "edge_ratelimit_rejected_total", "derp_connections_closed_total",
            "http_server_request_duration_seconds",
        })
        {
            Assert.Contains($"# HELP {family} ", metrics, StringComparison.Ordinal);
        }

        // The linter reports these names, so it did run.
        Assert.Contains("uptime_sec counter metrics should have \"_total\" suffix", complaints);
        Assert.All(complaints, static line => Assert.Contains(line.Split(' ')[0], Derper));
        Assert.DoesNotContain(complaints, static line => line.EndsWith("no help text", StringComparison.Ordinal));
    }

    /// <summary>Requests that are answered, refused and too many, a stream, and a DERP client that says nonsense.</summary>
    private static async Task UseAsync(Uri url, string bootstrap)
    {
        using (var derp = await RawClient.ConnectAsync(url))
        {
            await derp.SendAsync("GET /derp HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: DERP\r\n\r\n");
            await derp.ReceiveHeadAsync();
            await derp.SendAsync("nonsense, and long enough to be a frame's header");
            await derp.ReceiveAllAsync();
        }

        var token = Bootstrapped.SessionToken(bootstrap);
        using (var logs = await TestSocket.ConnectAsync(
            url,
            $"/api/v2/workspaceagents/{Bootstrapped.AgentId(bootstrap)}/logs?follow",
            options => options.SetRequestHeader("Coder-Session-Token", token)))
        {
            await logs.CloseAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None);
        }

        using var http = new HttpClient { BaseAddress = url };
        using (await http.GetAsync("/nowhere"))
        {
            for (var i = 0; i < 30; i++)
            {
                using var answer = await http.GetAsync("/api/v2/buildinfo");
            }
        }
    }

    private static async Task<string[]> LintAsync(string metrics)
    {
        using var promtool = Process.Start(new ProcessStartInfo("promtool", ["check", "metrics"])
        {
            RedirectStandardInput = true,
            RedirectStandardError = true,
        })!;
        var errors = promtool.StandardError.ReadToEndAsync();
        await promtool.StandardInput.WriteAsync(metrics);
        promtool.StandardInput.Close();
        await promtool.WaitForExitAsync();
        return (await errors).Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }
}
