using System.Diagnostics.Metrics;
using ControlPlane.Statistics;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Tests;

/// <summary>Reports of old agents, which use REST and not dRPC: statistics, metadata, lifecycle and startup.</summary>
public sealed class AgentReportTests
{
    private const string Me = "/api/v2/workspaceagents/me/";

    [Theory]
    [InlineData(
        """{"connections_by_proto":{"TCP":3},"connection_count":3,"connection_median_latency_ms":1.5,"rx_bytes":7,"rx_packets":"""
            + """1,"tx_bytes":8,"tx_packets":2,"session_count_jetbrains":1,"session_count_reconnecting_pty":2,"session_count_ssh":"""
            + """3,"session_count_vscode":4,"metrics":[{"name":"m","type":"counter","value":2,"labels":["""
            + """{"name":"a","value":"b"}]}]}""", 3, 4)]
    [InlineData("""{"conns_by_proto":{"TCP":3},"num_comms":3,"rx_bytes":7,"rx_packets":1,"tx_bytes":8,"tx_packets":2}""", 3, 0)]
    [InlineData("""{"conns_by_proto":{},"num_comms":0,"rx_bytes":7,"rx_packets":1,"tx_bytes":8,"tx_packets":2}""", 0, 0)]
    public async Task StatisticsOfBothSpellingsAreStored(string body, int connections, int vscode)
    {
        await using var server = await ApiServer.StartAsync();
        var answer = await server.SendAsAgentAsync(HttpMethod.Post, Me + "report-stats", body);
        Assert.Equal((200, "{\"report_interval\":300000000000}\n"), (answer.Status, answer.Body));
        await StoreAsync(server);
        Assert.Equal(1, server.Count(
            "SELECT count(*) FROM agent_stats WHERE reports = 1 AND rx_bytes = 7 AND rx_packets = 1 AND tx_bytes = 8 AND tx_packets = 2 "
                + $"AND connection_count = {connections} AND sessions_vscode = {vscode}"));
        Assert.Equal(
            connections > 0 ? 1 : 0,
            server.Count("SELECT count(*) FROM agent_stats_protocols WHERE protocol = 'TCP' AND connections = 3"));
        Assert.Equal(
            vscode > 0 ? 1 : 0,
            server.Count(
                "SELECT count(*) FROM agent_stats_metrics WHERE name = 'm' AND labels = 'a=b' AND type = 'counter' AND value = 2"));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("""{"connections_by_proto":null,"rx_bytes":0,"tx_bytes":0}""")]
    [InlineData("""{"connections_by_proto":{},"rx_bytes":7}""")]
    public async Task WithoutConnectionsOnlyTheIntervalIsAsked(string body)
    {
        await using var server = await ApiServer.StartAsync(
            static directory => new ControlPlaneOptions { DataDirectory = directory, StatsReportInterval = TimeSpan.FromSeconds(15) });
        var answer = await server.SendAsAgentAsync(HttpMethod.Post, Me + "report-stats", body);
        Assert.Equal((200, "{\"report_interval\":15000000000}\n"), (answer.Status, answer.Body));
        await StoreAsync(server);
        Assert.Equal(0, server.Count("SELECT count(*) FROM agent_stats"));
    }

    [Theory]
    [InlineData("""{"rx_bytes":1.5}""")]
    [InlineData("""{"rx_bytes":"1"}""")]
    [InlineData("""{"rx_bytes":99999999999999999999}""")]
    [InlineData("""{"connections_by_proto":{"TCP":"x"}}""")]
    [InlineData("""{"connections_by_proto":[]}""")]
    [InlineData("""{"metrics":[{"name":1}]}""")]
    [InlineData("""{"metrics":[{"name":"a","value":1e400}]}""")]
    public async Task StatisticsOfWrongTypesAre400(string body)
    {
        await using var server = await ApiServer.StartAsync();
        var answer = await server.SendAsAgentAsync(HttpMethod.Post, Me + "report-stats", body);
        Assert.Equal((400, "Validation failed."), (answer.Status, answer.Message));
    }

    [Fact]
    public async Task ReportsAddUpAndAreBounded()
    {
        var time = new ManualTimeProvider();
        await using var server = await ApiServer.StartAsync(
            static directory => new ControlPlaneOptions { DataDirectory = directory, MaxProtocolsPerAgent = 2, MaxMetricsPerAgent = 2 },
            time);
        for (var report = 0; report < 3; report++)
        {
            Assert.Equal(200, (await server.SendAsAgentAsync(HttpMethod.Post, Me + "report-stats", new
            {
                connections_by_proto = new Dictionary<string, long> { ["TCP"] = -5, ["UDP"] = 1, ["C"] = 1 },
                rx_bytes = long.MaxValue,
                tx_bytes = -1,
                connection_median_latency_ms = 1e308,
                metrics = new object?[]
                {
                    new { name = "a", value = 1.0 }, null, new { value = 1.0 }, new { name = "a", value = 2.0 },
                    new { name = new string('x', 9999) },
                },
            })).Status);
        }

        Assert.Equal(0, server.Count("SELECT count(*) FROM agent_stats"));
        time.Advance(TimeSpan.FromSeconds(1));
        await Eventually.TrueAsync(() => Task.FromResult(server.Count("SELECT count(*) FROM agent_stats") == 1), "the reports are stored");
        Assert.Equal(1, server.Count($"SELECT count(*) FROM agent_stats WHERE reports = 3 AND rx_bytes = {3L << 48} AND tx_bytes = 0"));
        Assert.Equal(2, server.Count("SELECT count(*) FROM agent_stats_protocols"));
        Assert.Equal(0, server.Count("SELECT count(*) FROM agent_stats_protocols WHERE connections < 0"));
        Assert.InRange(server.Count("SELECT count(*) FROM agent_stats_metrics"), 1, 2);
    }

    [Fact]
    public async Task WhatWasReportedBeforeTheEndIsStored()
    {
        var time = new ManualTimeProvider();
        await using var server = await ApiServer.StartAsync(time: time);
        await server.SendAsAgentAsync(HttpMethod.Post, Me + "report-stats", new { connections_by_proto = new { TCP = 1 } });
        await server.StopAsync();
        Assert.Equal(1, server.Count("SELECT count(*) FROM agent_stats"));
    }

    [Fact]
    public async Task WhatCannotBeStoredIsStoredLater()
    {
        var time = new ManualTimeProvider();
        await using var server = await ApiServer.StartAsync(time: time);
        server.Execute("ALTER TABLE agent_stats RENAME TO elsewhere");
        await server.SendAsAgentAsync(HttpMethod.Post, Me + "report-stats", new { connections_by_proto = new { TCP = 1 }, rx_bytes = 1 });
        await StoreAsync(server);
        server.Execute("ALTER TABLE elsewhere RENAME TO agent_stats");
        await server.SendAsAgentAsync(HttpMethod.Post, Me + "report-stats", new { connections_by_proto = new { TCP = 1 }, rx_bytes = 2 });
        await StoreAsync(server);
        Assert.Equal(1, server.Count("SELECT count(*) FROM agent_stats WHERE reports = 2 AND rx_bytes = 3"));
    }

    [Fact]
    public async Task AllAgentsTogetherAreServedAsMetrics()
    {
        var time = new ManualTimeProvider();
        await using var server = await ApiServer.StartAsync(time: time);
        server.Execute("""
            INSERT INTO workspace_agents (id, workspace_id, resource_id, name, hashed_auth_token, created_at, updated_at)
            SELECT '50000000-0000-4000-8000-000000000001', workspace_id, resource_id, 'second', @hash, 0, 0 FROM workspace_agents
            """);
        var buffer = server.Services.GetRequiredService<StatsBuffer>();
        var report = new AgentReport
        {
            RxBytes = 10,
            TxBytes = 20,
            RxPackets = 1,
            TxPackets = 2,
            ConnectionCount = 1,
            ConnectionMedianLatencyMs = 100,
            SessionsSsh = 2,
            Protocols = new Dictionary<string, long> { ["TCP"] = 4 },
            Metrics = [new AgentMetric("m", "", "gauge", 0.5)],
        };
        buffer.Add(server.Agent.Id, report);
        buffer.Add(new Guid("50000000-0000-4000-8000-000000000001"), report with { ConnectionMedianLatencyMs = 300 });
        buffer.Add(Guid.NewGuid(), report);
        await buffer.StoreAsync();

        var totals = await server.Services.GetRequiredService<StatsStore>().TotalsAsync(time.GetUtcNow());
        Assert.Equal(new StatsSums(2, 2, 20, 4, 40, 2, 0, 0, 0, 4, 200), totals.Sums);
        Assert.Equal([KeyValuePair.Create("TCP", 8L)], totals.Connections);
        Assert.Equal([KeyValuePair.Create("m", 1.0)], totals.Metrics);

        // An agent that has stopped reporting keeps only its sums.
        var later = await server.Services.GetRequiredService<StatsStore>().TotalsAsync(time.GetUtcNow() + TimeSpan.FromTicks(10));
        Assert.Equal(new StatsSums(2, 2, 20, 4, 40, 0, 0, 0, 0, 0, 0), later.Sums);
        Assert.Empty(later.Connections);

        var names = new List<string>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, to) =>
        {
            if (instrument.Meter.Name == "ControlPlane" && instrument.IsObservable)
            {
                to.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, _, _) => names.Add(instrument.Name));
        listener.SetMeasurementEventCallback<double>((instrument, value, _, _) => names.Add(instrument.Name));
        listener.Start();
        await ControlPlaneApplication.RefreshMetricsAsync(server.Services, TestContext.Current.CancellationToken);
        listener.RecordObservableInstruments();
        foreach (var name in new[] { "reports", "traffic", "packets", "reporting", "connections", "sessions", "latency", "reported" })
        {
            Assert.Contains("controlplane.agents." + name, names);
        }
    }

    [Fact]
    public async Task MetadataComesInBothShapes()
    {
        await using var server = await ApiServer.StartAsync(
            static directory => new ControlPlaneOptions { DataDirectory = directory, MaxMetadataPerAgent = 3 });
        var old = await server.SendAsAgentAsync(
            HttpMethod.Post, Me + "metadata/load", new { collected_at = "2026-01-01T00:00:00Z", age = 1, value = "0.5", error = "" });
        Assert.Equal((204, ""), (old.Status, old.Body));
        var both = await server.SendAsAgentAsync(HttpMethod.Post, Me + "metadata", new
        {
            metadata = new object[]
            {
                new { key = "load", value = "0.7" },
                new { key = "disk", error = "no disk", collected_at = "2026-01-01T00:00:00Z", age = 2 },
            },
        });
        Assert.Equal((204, ""), (both.Status, both.Body));
        Assert.Equal(1, server.Count("SELECT count(*) FROM agent_metadata WHERE key = 'load' AND value = '0.7' AND error = ''"));
        Assert.Equal(1, server.Count("SELECT count(*) FROM agent_metadata WHERE key = 'disk' AND value = '' AND error = 'no disk'"));
        Assert.Equal(204, (await server.SendAsAgentAsync(HttpMethod.Post, Me + "metadata", "{}")).Status);

        // Too many are refused together, and what is there can still change.
        var many = new { metadata = Enumerable.Range(0, 2).Select(static index => new { key = "k" + index }) };
        Assert.Equal((413, "Metadata limit exceeded"), Of(await server.SendAsAgentAsync(HttpMethod.Post, Me + "metadata", many)));
        Assert.Equal(2, server.Count("SELECT count(*) FROM agent_metadata"));
        Assert.Equal(204, (await server.SendAsAgentAsync(HttpMethod.Post, Me + "metadata/third", "{}")).Status);
        Assert.Equal(413, (await server.SendAsAgentAsync(HttpMethod.Post, Me + "metadata/fourth", "{}")).Status);
        Assert.Equal(204, (await server.SendAsAgentAsync(HttpMethod.Post, Me + "metadata/third", "{}")).Status);
    }

    [Theory]
    [InlineData("", "{\"metadata\":[{\"value\":\"x\"}]}", "Validation failed.")]
    [InlineData("", "{\"metadata\":[null]}", "Validation failed.")]
    [InlineData("", "{\"metadata\":{}}", "Validation failed.")]
    [InlineData("", "{\"metadata\":[{\"key\":\"a\",\"age\":\"b\"}]}", "Validation failed.")]
    [InlineData("/a", "{\"collected_at\":\"yesterday\"}", "Validation failed.")]
    [InlineData("/a", "", "Request body must be valid JSON.")]
    public async Task MetadataThatIsNoneIs400(string path, string body, string message)
    {
        await using var server = await ApiServer.StartAsync();
        Assert.Equal((400, message), Of(await server.SendAsAgentAsync(HttpMethod.Post, Me + "metadata" + path, body)));
        Assert.Equal(
            (400, "Validation failed."),
            Of(await server.SendAsAgentAsync(HttpMethod.Post, Me + "metadata/" + new string('k', 129), "{}")));
    }

    [Fact]
    public async Task AMetadataValueIsCutAndSaysSo()
    {
        await using var server = await ApiServer.StartAsync();
        await server.SendAsAgentAsync(HttpMethod.Post, Me + "metadata/a", new { value = "x" + new string('é', 1024) });
        await server.SendAsAgentAsync(HttpMethod.Post, Me + "metadata/b", new { error = new string('e', 2049) });
        Assert.Equal(1, server.Count("SELECT count(*) FROM agent_metadata WHERE key = 'a' AND length(value) = 1024 AND error = 'value of "
            + "2049 bytes exceeded 2048 bytes'"));
        Assert.Equal(
            1,
            server.Count("SELECT count(*) FROM agent_metadata WHERE key = 'b' AND error = 'error of 2049 bytes exceeded 2048 bytes'"));
    }

    [Fact]
    public async Task LifecycleAndStartupShowInTheAgent()
    {
        await using var server = await ApiServer.StartAsync();
        Assert.Equal((204, ""), await LifecycleAsync(server, new { state = "starting", changed_at = "2023-11-14T22:13:20Z" }));
        Assert.Equal((204, ""), await LifecycleAsync(server, new { state = "ready", changed_at = "2023-11-14T22:13:21Z" }));
        var startup = await server.SendAsAgentAsync(
            HttpMethod.Post, Me + "startup",
            """{"version":"v0.20.1","expanded_directory":"/home/x","subsystem":"envbox","subsystems":["exectrace"]}""");
        Assert.Equal((200, "null\n"), (startup.Status, startup.Body));
        var agent = await server.GetAsUserAsync(server.AgentPath);
        Assert.Equal(
            ("ready", "2023-11-14T22:13:20Z", "2023-11-14T22:13:21Z"),
            (agent.Text("lifecycle_state"), agent.Text("started_at"), agent.Text("ready_at")));
        Assert.Equal(("v0.20.1", "1.0", "/home/x"), (agent.Text("version"), agent.Text("api_version"), agent.Text("expanded_directory")));
        Assert.Equal(
            ["envbox", "exectrace"],
            agent.Json.GetProperty("subsystems").EnumerateArray().Select(static name => name.GetString()));

        // Older agents send no time, or Go's zero.
        Assert.Equal((204, ""), await LifecycleAsync(server, new { state = "off", changed_at = "0001-01-01T00:00:00Z" }));
        Assert.Equal((204, ""), await LifecycleAsync(server, new { state = "starting" }));
        Assert.StartsWith(
            DateTime.UtcNow.Year.ToString(System.Globalization.CultureInfo.InvariantCulture),
            (await server.GetAsUserAsync(server.AgentPath)).Text("started_at"),
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("report-lifecycle", "{}", "Invalid lifecycle state.")]
    [InlineData("report-lifecycle", "{\"state\":\"READY\"}", "Invalid lifecycle state.")]
    [InlineData("report-lifecycle", "{\"state\":1}", "Validation failed.")]
    [InlineData("report-lifecycle", "{\"state\":\"ready\",\"changed_at\":\"now\"}", "Validation failed.")]
    [InlineData("startup", "{}", "Invalid workspace agent version provided.")]
    [InlineData("startup", "{\"version\":\"latest\"}", "Invalid workspace agent version provided.")]
    [InlineData("startup", "{\"version\":\"v1.0.0\",\"subsystems\":[\"x\"]}", "Invalid workspace agent subsystem provided.")]
    [InlineData("startup", "{\"version\":\"v1.0.0\",\"subsystems\":\"envbox\"}", "Validation failed.")]
    public async Task AStateThatIsNoneIs400(string path, string body, string message)
    {
        await using var server = await ApiServer.StartAsync();
        Assert.Equal((400, message), Of(await server.SendAsAgentAsync(HttpMethod.Post, Me + path, body)));
    }

    [Fact]
    public async Task EachPathAuthenticatesThenLooksAtTheMethodAndTheSize()
    {
        await using var server = await ApiServer.StartAsync(
            static directory => new ControlPlaneOptions { DataDirectory = directory, MaxRequestBodyBytes = 100 });
        foreach (var (method, path) in new[]
        {
            (HttpMethod.Post, "app-health"), (HttpMethod.Patch, "app-status"), (HttpMethod.Get, "manifest"), (HttpMethod.Get, "metadata"),
            (HttpMethod.Post, "metadata"), (HttpMethod.Post, "metadata/a"), (HttpMethod.Post, "report-stats"),
            (HttpMethod.Patch, "startup-logs"),
            (HttpMethod.Post, "report-lifecycle"), (HttpMethod.Post, "startup"),
        })
        {
            Assert.Equal(401, (await server.SendAsync(method, Me + path)).Status);
            Assert.Equal(
                (401, "Workspace agent token invalid."),
                Of(await server.SendAsync(method, Me + path, server.Credentials!.SessionToken)));
            Assert.Equal(
                (401, "Workspace agent not authorized."),
                Of(await server.SendAsync(method, Me + path, Guid.NewGuid().ToString())));
            var wrong = await server.SendAsAgentAsync(HttpMethod.Put, Me + path);
            Assert.Equal(405, wrong.Status);
            Assert.Contains(method.Method, wrong.Headers["Allow"], StringComparison.Ordinal);
            if (method != HttpMethod.Get)
            {
                Assert.Equal(413, (await server.SendAsAgentAsync(method, Me + path, new string(' ', 101))).Status);
            }
        }
    }

    private static Task StoreAsync(ApiServer server) => server.Services.GetRequiredService<StatsBuffer>().StoreAsync();

    private static async Task<(int Status, string Body)> LifecycleAsync(ApiServer server, object body)
    {
        var answer = await server.SendAsAgentAsync(HttpMethod.Post, Me + "report-lifecycle", body);
        return (answer.Status, answer.Body);
    }

    private static (int Status, string? Message) Of(Answer answer) => (answer.Status, answer.Message);
}
