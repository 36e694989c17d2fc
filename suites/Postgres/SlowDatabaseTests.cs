using System.Diagnostics.Metrics;
using System.Net;
using System.Net.WebSockets;
using System.Text.Json.Nodes;
using ControlPlane.Statistics;
using ControlPlane.Storage;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace ControlPlane.Tests;

/// <summary>A slow database delays only the requests that need it.</summary>
public sealed class SlowDatabaseTests
{
    private const int Requests = 200;

    [Theory]
    [InlineData("", true)]
    [InlineData("/api/v2/workspaceagents/me/manifest", false)]
    public async Task RequestsThatWaitForTheDatabaseHoldNoThread(string path, bool ofUser)
    {
        var database = NewDatabase();
        await using var server = await ApiServer.StartAsync(
            directory => new ControlPlaneOptions { DataDirectory = directory, Database = database });
        var (url, token) = ofUser ? (server.AgentPath + path, server.Credentials!.SessionToken) : (path, server.Agent.AuthToken);
        using var stream = await TailnetLink.DialAsync(server, "/api/v2/derp-map", server.Credentials!.SessionToken);
        Assert.Equal(200, (await server.GetAsync(url, token)).Status);

        // A lock blocks all reads of agents. The thread pool has threads for only a fraction of the requests.
        var owner = server.Database.Engine.Rent();
        await using var transaction = server.Database.Engine.BeginWrite(owner);
        owner.Execute("LOCK TABLE workspace_agents IN ACCESS EXCLUSIVE MODE");
        var waiting = Enumerable.Range(0, Requests).Select(_ => server.GetAsync(url, token)).ToArray();
        await SomeoneWaitsAsync();

        // Requests that read no agents get an answer. Health reports the reason within its time limit.
        Assert.Equal(200, (await server.GetAsync("/api/v2/")).Status);
        Assert.Contains((await server.GetAsync("/healthz")).Status, (int[])[200, 503]);
        using var guard = new CancellationTokenSource(ApiServer.Patience);
        await stream.CloseAsync(WebSocketCloseStatus.NormalClosure, null, guard.Token);
        Assert.All(waiting, static one => Assert.False(one.IsCompleted));

        await transaction.RollbackAsync(TestContext.Current.CancellationToken);
        server.Database.Engine.Return(owner);
        Assert.All(await Task.WhenAll(waiting), static answer => Assert.Equal(200, answer.Status));
    }

    /// <summary>The program itself, since the scrape of <c>/metrics</c> is its own.</summary>
    [Fact]
    public async Task AdministratorsAndScrapesThatWaitForTheDatabaseHoldNoThread()
    {
        using var directory = new TemporaryDirectory();
        var (database, bootstrap) = (NewDatabase(), Path.Combine(directory.File("data"), "bootstrap.json"));
        await using var edge = await EdgeProcess.StartAsync(
            directory.Path,
            new Dictionary<string, string> { ["ControlPlane__Database"] = database },
            "--urls",
            "http://127.0.0.1:0",
            "--Edge:Admin:Url=http://127.0.0.1:0",
            $"--Edge:DataDirectory={directory.File("data")}");
        using var client = new HttpClient { BaseAddress = edge.UrlOf("public"), Timeout = ApiServer.Patience };
        using var admin = new HttpClient { BaseAddress = edge.UrlOf("admin"), Timeout = 3 * ApiServer.Patience };
        admin.DefaultRequestHeaders.Add("Authorization", "Bearer " + Bootstrapped.AdminToken(bootstrap));
        using var stream = new ClientWebSocket();
        stream.Options.SetRequestHeader("Coder-Session-Token", Bootstrapped.SessionToken(bootstrap));
        await stream.ConnectAsync(
            new UriBuilder(new Uri(client.BaseAddress, "/api/v2/derp-map")) { Scheme = "ws" }.Uri, TestContext.Current.CancellationToken);
        var agent = JsonNode.Parse(await admin.GetStringAsync("/admin/v1/agents", TestContext.Current.CancellationToken))!["agents"]![0]!;
        var workspace = $"{agent["owner"]}%2F{agent["workspace"]}";
        string[] paths =
        [
            "/admin/v1/users",
            $"/admin/v1/users/{agent["owner"]}",
            $"/admin/v1/users/{agent["owner"]}/tokens",
            $"/admin/v1/users/{agent["owner"]}/external-auth",
            "/admin/v1/workspaces",
            "/admin/v1/workspaces/" + workspace,
            "/admin/v1/agents?workspace=" + workspace,
            $"/admin/v1/agents/{workspace}%2F{agent["name"]}",
            "/admin/v1/instance-bindings",
        ];

        await using var owner = new NpgsqlConnection($"{database};Pooling=false;Server Compatibility Mode=NoTypeLoading");
        await owner.OpenAsync(TestContext.Current.CancellationToken);
        await using var transaction = await owner.BeginTransactionAsync(TestContext.Current.CancellationToken);
        owner.Execute("LOCK TABLE users, workspaces, agent_stats, instance_bindings IN ACCESS EXCLUSIVE MODE");
        var scrapes = Enumerable.Range(0, 20).Select(_ => StatusAsync(admin, "/metrics")).ToArray();
        var waiting = Enumerable.Range(0, Requests).Select(i => StatusAsync(admin, paths[i % paths.Length])).ToArray();
        await SomeoneWaitsAsync();

        using (var probe = new HttpClient { BaseAddress = admin.BaseAddress, Timeout = ApiServer.Patience })
        {
            Assert.Equal(HttpStatusCode.OK, await StatusAsync(probe, "/healthz"));
        }

        // The edge asks no API server that says it is not well; either way there is an answer.
        foreach (var path in (string[])["/healthz", "/api/v2/"])
        {
            Assert.Contains(await StatusAsync(client, path), (HttpStatusCode[])[HttpStatusCode.OK, HttpStatusCode.ServiceUnavailable]);
        }

        using var guard = new CancellationTokenSource(ApiServer.Patience);
        await stream.CloseAsync(WebSocketCloseStatus.NormalClosure, null, guard.Token);
        Assert.All(await Task.WhenAll(scrapes), static status => Assert.Equal(HttpStatusCode.OK, status));
        Assert.All(waiting, static one => Assert.False(one.IsCompleted));

        await transaction.RollbackAsync(TestContext.Current.CancellationToken);
        Assert.All(await Task.WhenAll(waiting), static status => Assert.Equal(HttpStatusCode.OK, status));
        Assert.Contains(
            "controlplane_agents_reporting 0", await admin.GetStringAsync("/metrics", TestContext.Current.CancellationToken),
            StringComparison.Ordinal);
    }

    /// <summary>As the export over OTLP reads it, which asks nobody to wait first.</summary>
    [Fact]
    public async Task AnInstrumentDoesNotWaitForTheDatabase()
    {
        var database = NewDatabase();
        await using var server = await ApiServer.StartAsync(
            directory => new ControlPlaneOptions { DataDirectory = directory, Database = database });
        using var listener = new MeterListener();
        listener.InstrumentPublished = static (instrument, to) =>
        {
            if (instrument.Meter.Name == "ControlPlane" && instrument.IsObservable)
            {
                to.EnableMeasurementEvents(instrument);
            }
        };
        var owner = server.Database.Engine.Rent();
        await using var transaction = server.Database.Engine.BeginWrite(owner);
        owner.Execute("LOCK TABLE agent_stats IN ACCESS EXCLUSIVE MODE");
        listener.Start();

        await Task.Run(listener.RecordObservableInstruments, TestContext.Current.CancellationToken)
            .WaitAsync(ApiServer.Patience, TestContext.Current.CancellationToken);

        // It has begun a read, which those who can wait share.
        var read = server.Services.GetRequiredService<StatsMetrics>().RefreshAsync();
        Assert.False(read.IsCompleted);
        await transaction.RollbackAsync(TestContext.Current.CancellationToken);
        server.Database.Engine.Return(owner);
        await read.WaitAsync(ApiServer.Patience, TestContext.Current.CancellationToken);
    }

    /// <summary>The keywords of a new database. Whoever finds no connection free waits for one.</summary>
    private static string NewDatabase()
    {
        var name = "slow" + Guid.NewGuid().ToString("N");
        TestDatabase.Execute(TestDatabase.Server!, $"CREATE DATABASE {name}");
        return $"{TestDatabase.Server};Database={name};Timeout=60";
    }

    private static async Task SomeoneWaitsAsync()
    {
        using var looker = new NpgsqlConnection($"{TestDatabase.Server};Pooling=false;Server Compatibility Mode=NoTypeLoading");
        looker.Open();
        await Eventually.TrueAsync(
            () => looker.Count("SELECT count(*) FROM pg_locks WHERE NOT granted") > 0, "the first requests wait for the database");
    }

    private static async Task<HttpStatusCode> StatusAsync(HttpClient client, string path)
    {
        using var answer = await client.GetAsync(path, TestContext.Current.CancellationToken);
        return answer.StatusCode;
    }
}
