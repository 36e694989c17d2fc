using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Relay.Derp.Wire;

namespace EndToEnd;

/// <summary>What operators of a relay see and set: the live view, rate limits, metrics, bootstrap DNS, and the drain.</summary>
public class DerpOperationsTests
{
    private const string Upgrade = "GET /derp HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: DERP\r\n\r\n";

    [Fact]
    public async Task TheLiveViewTellsWhoIsThereAndNothingOfWhatTheySay()
    {
        await using var edge = await TestNode.StartAsync("Edge:Mode=relay");
        Authorize(edge);
        using var quiet = await DerpPeer.ConnectAsync(edge.PublicUrl, Upgrade);
        using var busy = await DerpPeer.ConnectAsync(
            edge.PublicUrl, Upgrade.Replace("Host: x", "Host: x\r\nIdeal-Node: 1a", StringComparison.Ordinal));
        var asked = edge.Admin.GetStringAsync("/derp/clients");
        var secret = new byte[1000];
        "a secret packet"u8.CopyTo(secret);

        // The first look is taken at some time after the request was sent; whatever falls before it counts in the totals.
        while (!asked.IsCompleted)
        {
            await busy.SendAsync(busy.Key, secret);
            Assert.Equal(secret, await busy.ExpectAsync(busy.Key));
        }

        var text = await asked;
        var view = JsonNode.Parse(text)!;
        Assert.Equal(2, view["connections"]!.GetValue<int>());
        var (first, second) = (view["clients"]![0]!, view["clients"]![1]!);
        Assert.Equal(
            (busy.Key.ToString(), busy.Key.ToShortString()),
            (first["key"]!.GetValue<string>(), first["short"]!.GetValue<string>()));
        Assert.Equal((quiet.Key.ToString(), "regular"), (second["key"]!.GetValue<string>(), second["kind"]!.GetValue<string>()));
        Assert.Equal("not_ideal", first["kind"]!.GetValue<string>());
        Assert.StartsWith("127.0.0.1:", first["address"]!.GetValue<string>(), StringComparison.Ordinal);
        Assert.InRange(first["connected_since"]!.GetValue<DateTimeOffset>(), DateTimeOffset.UtcNow.AddMinutes(-1), DateTimeOffset.UtcNow);
        Assert.True(first["bytes_in_per_second"]!.GetValue<long>() > 0);
        Assert.True(first["packets_out_per_second"]!.GetValue<long>() > 0);
        Assert.Equal(0, first["bytes_in"]!.GetValue<long>() % 1000);
        Assert.Equal(
            (0, 0, 0),
            (second["bytes_in"]!.GetValue<int>(), second["queue_packets"]!.GetValue<int>(), second["dropped"]!.GetValue<int>()));
        Assert.DoesNotContain("secret", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("1", HttpStatusCode.OK, 1)]
    [InlineData("0", HttpStatusCode.BadRequest, 0)]
    [InlineData("10001", HttpStatusCode.BadRequest, 0)]
    [InlineData("-1", HttpStatusCode.BadRequest, 0)]
    public async Task TheLiveViewIsBounded(string limit, HttpStatusCode status, int clients)
    {
        await using var edge = await TestNode.StartAsync("Edge:Mode=relay");
        Authorize(edge);
        using var one = await DerpPeer.ConnectAsync(edge.PublicUrl, Upgrade);
        using var two = await DerpPeer.ConnectAsync(edge.PublicUrl, Upgrade);

        using var answer = await edge.Admin.GetAsync($"/derp/clients?limit={limit}");

        Assert.Equal(status, answer.StatusCode);
        Assert.Equal(clients, JsonNode.Parse(await answer.Content.ReadAsStringAsync())!["clients"]?.AsArray().Count ?? 0);
    }

    [Theory]
    [InlineData("/derp/clients")]
    [InlineData("/debug/traffic/")]
    public async Task TheLiveViewNeedsTheTokenAndIsNotPublic(string path)
    {
        await using var edge = await TestNode.StartAsync("Edge:Mode=relay");

        using var admin = await edge.Admin.GetAsync(path);
        using var open = await edge.Public.GetAsync(path);

        Assert.Equal(HttpStatusCode.Unauthorized, admin.StatusCode);
        Assert.NotEqual(HttpStatusCode.OK, open.StatusCode);
    }

    [Fact]
    public async Task TrafficComesLineByLineAsFromDerper()
    {
        await using var edge = await TestNode.StartAsync("Edge:Mode=relay");
        Authorize(edge);
        using var quiet = await DerpPeer.ConnectAsync(edge.PublicUrl, Upgrade);
        using var peer = await DerpPeer.ConnectAsync(edge.PublicUrl, Upgrade);
        await peer.SendAsync(peer.Key, new byte[300]);
        await peer.ExpectAsync(peer.Key);

        using var lines = new StreamReader(await edge.Admin.GetStreamAsync("/debug/traffic/"));
        var first = JsonNode.Parse((await lines.ReadLineAsync().WaitAsync(TestNode.Patience))!)!;
        Assert.Equal(
            (300, 300, peer.Key.ToString()),
            (first["Sent"]!.GetValue<int>(), first["Recv"]!.GetValue<int>(), first["Key"]!.GetValue<string>()));
        Assert.Equal("", await lines.ReadLineAsync().WaitAsync(TestNode.Patience));
    }

    [Fact]
    public async Task RatesOfDerpersFileAreAppliedAndReadAgain()
    {
        using var directory = new TemporaryDirectory();
        var file = directory.File("rates.json");
        File.WriteAllText(file, """{"PerClientRateLimitBytesPerSec": 1000000, "PerClientRateBurstBytes": 1}""");
        await using var edge = await TestNode.StartAsync("Edge:Mode=relay", $"Relay:Derp:RateConfigFile={file}");
        await MetricAsync(edge, "derp_rate_limit_per_client_bytes_per_second 1000000");
        await MetricAsync(edge, "derp_rate_limit_per_client_burst_bytes 65568");

        File.WriteAllText(file, """{"PerClientRateLimitBytesPerSecond": 7}""");
        await Eventually.TrueAsync(
            () => edge.Log.Lines.Any(static line => line.Contains("the old limits stay", StringComparison.Ordinal)), "the typo is refused");
        await MetricAsync(edge, "derp_rate_limit_per_client_bytes_per_second 1000000");
        File.WriteAllText(file, """{"PerClientRateLimitBytesPerSec": 20000, "PerClientRateBurstBytes": 1}""");
        await MetricAsync(edge, "derp_rate_limit_per_client_bytes_per_second 20000");

        using var peer = await DerpPeer.ConnectAsync(edge.PublicUrl, Upgrade);
        for (var i = 0; i < 2; i++)
        {
            await peer.SendAsync(peer.Key, new byte[65_536]);
        }

        Assert.Equal(65_536, (await peer.ExpectAsync(peer.Key)).Length);
        Assert.Equal(65_536, (await peer.ExpectAsync(peer.Key)).Length);
        await edge.MetricIsAsync("derp_rate_limit_per_client_waited 1");
        File.WriteAllText(file, "{}");
        await MetricAsync(edge, "derp_rate_limit_per_client_bytes_per_second 0");
    }

    [Fact]
    public async Task AHangUpReadsTheRatesAgainAndEndsNothing()
    {
        using var directory = new TemporaryDirectory();
        var file = directory.File("rates.json");
        File.WriteAllText(file, "{}");
        await using var edge = await EdgeProcess.StartAsync(
            directory.Path, "--urls", "http://127.0.0.1:0", "--Edge:Admin:Url=http://127.0.0.1:0", "--Edge:Mode=relay",
            $"--Relay:Derp:RateConfigFile={file}");
        var stamp = File.GetLastWriteTimeUtc(file);

        // Of the same length and time, so that only the signal tells of it.
        File.WriteAllText(file, "[]");
        File.SetLastWriteTimeUtc(file, stamp);
        await edge.SignalAsync("HUP");

        await Eventually.TrueAsync(() => edge.Output.Contains("the old limits stay", StringComparison.Ordinal), "the file was read");
        await edge.SignalAsync("TERM");
        Assert.Equal(0, await edge.ExitAsync());
    }

    [Fact]
    public async Task BootstrapDnsTellsTheAddressesOfTheNames()
    {
        await using var edge = await TestNode.StartAsync("Edge:Mode=relay", "Relay:Derp:BootstrapDnsNames=localhost");
        await Eventually.TrueAsync(async () => (await edge.Public.GetStringAsync("/bootstrap-dns")).Length > 0, "the name is looked up");

        using var answer = await edge.Public.GetAsync("/bootstrap-dns?q=localhost");

        Assert.Equal("application/json", answer.Content.Headers.ContentType!.ToString());
        Assert.True(answer.Headers.ConnectionClose);
        var names = JsonNode.Parse(await answer.Content.ReadAsStringAsync())!.AsObject();
        Assert.Contains("127.0.0.1", names["localhost"]!.AsArray().Select(static address => address!.GetValue<string>()));
        await MetricAsync(edge, "bootstrap_dns_published_hits 1");
    }

    [Theory]
    [InlineData("derpx", null, "1008 client must speak the derp subprotocol")]
    [InlineData("xderp, other", null, "1008 client must speak the derp subprotocol")]
    public async Task AWebSocketOfAnotherSubprotocolIsToldSo(string offered, string? agreed, string close)
    {
        await using var edge = await TestNode.StartAsync("Edge:Mode=relay");
        using var client = await RawClient.ConnectAsync(edge.PublicUrl);
        await client.SendAsync(
            "GET /derp HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                + $"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: {offered}\r\n\r\n");

        var answer = await client.ReceiveUntilAsync("subprotocol");

        Assert.StartsWith("HTTP/1.1 101 ", answer, StringComparison.Ordinal);
        Assert.Equal(agreed is not null, answer.Contains("Sec-WebSocket-Protocol", StringComparison.OrdinalIgnoreCase));
        var frame = answer[(answer.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..];
        Assert.Equal(close, $"{((frame[2] & 0xff) << 8 | (frame[3] & 0xff)).ToString(CultureInfo.InvariantCulture)} {frame[4..]}");
    }

    [Fact]
    public async Task EveryNameOfDerpersThatMeansSomethingHereIsThere()
    {
        await using var edge = await TestNode.StartAsync("Edge:Mode=relay");
        using var peer = await DerpPeer.ConnectAsync(edge.PublicUrl, Upgrade);
        var metrics = await edge.Admin.GetStringAsync("/metrics");

        string[] counters =
        [
            "derp_accepts", "derp_bytes_received", "derp_bytes_sent", "derp_packets_sent", "derp_packets_received", "derp_unknown_frames",
            "derp_home_moves_in", "derp_home_moves_out", "derp_got_ping", "derp_sent_pong", "derp_peer_gone_disconnected_frames",
            "derp_peer_gone_not_here_frames", "derp_packets_forwarded_out", "derp_packets_forwarded_in", "derp_multiforwarder_created",
            "derp_multiforwarder_deleted", "derp_packet_forwarder_delete_other_value", "derp_sclient_write_timeouts",
            "derp_total_dup_client_conns", "derp_rate_limit_per_client_waited", "derp_websocket_accepts", "bootstrap_dns_requests",
            "bootstrap_dns_published_hits", "bootstrap_dns_published_misses", "uptime_sec",
        ];
        string[] gauges =
        [
            "derp_watchers", "derp_current_file_descriptors", "derp_current_connections", "derp_current_home_connections",
            "derp_current_notideal_connections", "derp_clients_total", "derp_clients_local", "derp_clients_remote",
            "derp_current_dup_client_keys", "derp_current_dup_client_conns", "derp_rate_limit_per_client_bytes_per_second",
            "derp_rate_limit_per_client_burst_bytes", "process_start_unix_time",
        ];
        Assert.All(counters, name => Assert.Matches($"# TYPE {name} counter\n{name} [0-9]", metrics));
        Assert.All(gauges, name => Assert.Matches($"# TYPE {name} gauge\n{name} [0-9]", metrics));
        string[] withLabels =
        [
            "derp_packets_received_kind{kind=\"disco\"}", "derp_packets_dropped{kind=\"other\",reason=\"unknown_dest\"}",
            "derp_bytes_dropped{kind=\"disco\",reason=\"queue_head\"}", "stun_requests{disposition=\"success\"}",
            "stun_addrfamily{family=\"ipv4\"}",
        ];

        // Nodes of other tests in this process count too: no counter is sure to be 0.
        Assert.All(withLabels, name => Assert.Matches($"\n{Regex.Escape(name)} [0-9]", metrics));
        Assert.Matches("version{binary=\"edge\",version=\"[^\"]+\"} [1-9][0-9]*\n", metrics);
    }

    [Fact]
    public async Task WithAMemberOfTheMeshADrainClosesClientsEvenlyOverTheTimeThereIs()
    {
        const int Clients = 6;
        var meshKey = new string('7', 64);
        using var directory = new TemporaryDirectory();
        File.WriteAllText(directory.File("mesh.key"), meshKey);
        var clock = new ManualTimeProvider();
        await using var edge = await TestNode.StartAsync(
            clock, waitUntilReady: true, "Edge:Mode=relay", "Edge:ShutdownTimeout=62s",
            $"Relay:Derp:MeshKeyFile={directory.File("mesh.key")}");
        using var member = await DerpPeer.JoinAsync(edge.PublicUrl, info: DerpPeer.MeshInfo(meshKey));
        var peers = new List<DerpPeer>();
        for (var i = 0; i < Clients; i++)
        {
            peers.Add(await DerpPeer.ConnectAsync(edge.PublicUrl, Upgrade));
        }

        var ends = peers.Select(static peer => EndAsync(peer)).ToArray();
        var start = clock.GetUtcNow();
        var stop = edge.Node.StopAsync();
        for (var closed = 1; closed <= Clients; closed++)
        {
            var expected = closed;
            await Eventually.TrueAsync(() => ends.Count(static end => end.IsCompleted) == expected, $"{expected} are closed");

            // The drain closes one client every 10 s: none shortly before that, and then exactly one.
            await Eventually.TrueAsync(() => expected == Clients || clock.PendingTimers >= 3, "the drain waits");
            clock.Advance(TimeSpan.FromSeconds(8.5));
            Assert.Equal(expected, ends.Count(static end => end.IsCompleted));
            clock.Advance(TimeSpan.FromSeconds(1.5));
        }

        Assert.InRange((clock.GetUtcNow() - start).TotalSeconds, 59, 61);
        await clock.AdvanceUntilAsync(stop);
        Assert.Equal(DerpFrameType.Restarting, (await EndAsync(member))[^1]);
        Assert.All(
            await Task.WhenAll(ends),
            static frames => Assert.Equal([DerpFrameType.Restarting], frames.Where(static type => type is not DerpFrameType.KeepAlive)));
        peers.ForEach(static peer => peer.Dispose());
    }

    private static async Task<List<DerpFrameType>> EndAsync(DerpPeer peer)
    {
        var seen = new List<DerpFrameType>();
        while (true)
        {
            var (type, _) = await peer.NextAsync();
            if (type is DerpFrameType.None)
            {
                return seen;
            }

            seen.Add(type);
        }
    }

    private static Task MetricAsync(TestNode edge, string line) => Eventually.TrueAsync(
        async () => (await edge.Admin.GetStringAsync("/metrics")).Contains($"\n{line}\n", StringComparison.Ordinal), line);

    private static void Authorize(TestNode edge) => edge.Admin.DefaultRequestHeaders.Authorization =
        new AuthenticationHeaderValue("Bearer", Bootstrapped.AdminToken(edge.Node.Data.BootstrapFile));
}
