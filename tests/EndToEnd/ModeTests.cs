using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace EndToEnd;

/// <summary>The four modes, as a newcomer or an operator meets them.</summary>
public class ModeTests
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    [Fact]
    public async Task WithoutSettingsEverythingRunsAndTheBannerSaysHowToSignIn()
    {
        using var directory = new TemporaryDirectory();
        await using var edge = await EdgeProcess.StartAsync(
            directory.Path, "--urls", "http://127.0.0.1:0", "--Edge:Admin:Url=http://127.0.0.1:0");
        var bootstrap = directory.File(".edge/bootstrap.json");

        Assert.InRange(edge.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length, 6, 13);
        Assert.Contains("curl -H", edge.Output, StringComparison.Ordinal);
        Assert.Contains(bootstrap, edge.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(Bootstrapped.SessionToken(bootstrap), edge.Output, StringComparison.Ordinal);
        Assert.Equal(OwnerOnly, File.GetUnixFileMode(bootstrap));
        Assert.Equal(OwnerOnly | UnixFileMode.UserExecute, File.GetUnixFileMode(directory.File(".edge")));
        Assert.Equal("*\n", await File.ReadAllTextAsync(directory.File(".edge/.gitignore")));

        using var http = new HttpClient { BaseAddress = edge.UrlOf("public") };
        http.DefaultRequestHeaders.Add("Coder-Session-Token", Bootstrapped.SessionToken(bootstrap));
        var user = await http.GetFromJsonAsync<JsonObject>("/api/v2/users/me");
        Assert.Equal("admin", user!["username"]!.GetValue<string>());
        await using var healthcheck = await RunAsync(directory, "healthcheck", $"--Edge:Admin:Url={edge.UrlOf("admin")}");
        Assert.Equal(0, await healthcheck.ExitAsync());
    }

    [Fact]
    public async Task InModeAllAnAgentsLogsTravelThroughTheEdge()
    {
        await using var edge = await TestNode.StartAsync();
        var bootstrap = edge.Node.Data.BootstrapFile;
        var agent = Bootstrapped.AgentId(bootstrap);
        using var follower = await TestSocket.ConnectAsync(edge.PublicUrl, $"/api/v2/workspaceagents/{agent}/logs?follow", options =>
            options.SetRequestHeader("Coder-Session-Token", Bootstrapped.SessionToken(bootstrap)));
        Assert.Equal("[]\n", await follower.ReceiveTextAsync());

        using var patch = new HttpRequestMessage(HttpMethod.Patch, "/api/v2/workspaceagents/me/logs");
        patch.Headers.Add("Coder-Session-Token", Bootstrapped.AgentToken(bootstrap));
        patch.Content = JsonContent.Create(
            new { logs = new[] { new { created_at = "2026-01-01T00:00:00Z", output = "hello <world>", level = "warn" } } });
        using var stored = await edge.Public.SendAsync(patch);
        Assert.Equal(HttpStatusCode.OK, stored.StatusCode);

        var batch = JsonNode.Parse(await follower.ReceiveTextAsync())!.AsArray();
        Assert.Equal("hello <world>", batch[0]!["output"]!.GetValue<string>());
        Assert.Equal("warn", batch[0]!["level"]!.GetValue<string>());
    }

    [Fact]
    public async Task TheEmbeddedApiServerIsReachableOnlyThroughItsSocketInTheDataDirectory()
    {
        await using var edge = await TestNode.StartAsync();

        Assert.True(File.Exists(edge.Node.Data.ApiSocket));
        Assert.Equal(OwnerOnly | UnixFileMode.UserExecute, File.GetUnixFileMode(edge.Node.Data.Path));
    }

    [Fact]
    public async Task RequestsReachTheEmbeddedApiServerWithoutASocket()
    {
        await using var edge = await TestNode.StartAsync();
        File.Delete(edge.Node.Data.ApiSocket);

        using var answer = await edge.Public.GetAsync("/api/v2/buildinfo");

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    [Fact]
    public async Task TwoNodesDoNotShareOneDataDirectorysApiServer()
    {
        await using var first = await TestNode.StartAsync();

        var error = await Assert.ThrowsAsync<Edge.Settings.SettingsException>(
            () => TestNode.StartAsync($"Edge:DataDirectory={first.Node.Data.Path}"));

        Assert.Contains("Edge:DataDirectory", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AfterARestartTheSameTokensWork()
    {
        using var directory = new TemporaryDirectory();
        var data = $"Edge:DataDirectory={directory.File("data")}";
        string token;
        await using (var first = await TestNode.StartAsync(data))
        {
            token = Bootstrapped.SessionToken(first.Node.Data.BootstrapFile);
        }

        await using var second = await TestNode.StartAsync(data);
        second.Public.DefaultRequestHeaders.Add("Coder-Session-Token", token);
        using var answer = await second.Public.GetAsync("/api/v2/users/me");

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(token, Bootstrapped.SessionToken(second.Node.Data.BootstrapFile));
    }

    [Fact]
    public async Task ModeApiServesTheApiOnThePublicListener()
    {
        await using var edge = await TestNode.StartAsync("Edge:Mode=api");

        using var known = await edge.Public.GetAsync("/api/v2/buildinfo");
        using var unknown = await edge.Public.GetAsync("/api/v2/nothing");

        Assert.Equal(HttpStatusCode.OK, known.StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, unknown.StatusCode);
        Assert.Contains("Route not found.", await unknown.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.False(File.Exists(edge.Node.Data.ApiSocket));
    }

    [Fact]
    public async Task AnEdgeBeforeAnApiServerOfItsOwnKindIsTheSameApi()
    {
        await using var api = await TestNode.StartAsync("Edge:Mode=api");
        await using var edge = await TestNode.StartAsync("Edge:Mode=edge", $"Edge:Backends={api.PublicUrl}");
        edge.Public.DefaultRequestHeaders.Add("Coder-Session-Token", Bootstrapped.SessionToken(api.Node.Data.BootstrapFile));

        using var answer = await edge.Public.GetAsync("/api/v2/users/me");

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    [Fact]
    public async Task ModeRelayIsReadyWhenItListensAndForwardsNothing()
    {
        await using var edge = await TestNode.StartAsync("Edge:Mode=relay");

        using var ready = await edge.Admin.GetAsync("/readyz");
        using var api = await edge.Public.GetAsync("/api/v2/buildinfo");

        Assert.Equal(HttpStatusCode.OK, ready.StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, api.StatusCode);
    }

    [Fact]
    public async Task WithoutAHealthyBackendTheNodeIsNotReadyUntilOneReturns()
    {
        await using var backend = await TestBackend.StartAsync(static _ => Task.CompletedTask);
        backend.Healthy = false;
        await using var edge = await TestNode.StartAsync(
            TimeProvider.System, waitUntilReady: false, "Edge:Mode=edge", $"Edge:Backends={backend.Url}");

        using var before = await edge.Admin.GetAsync("/readyz");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, before.StatusCode);
        Assert.Equal("no healthy backend\n", await before.Content.ReadAsStringAsync());

        backend.Healthy = true;
        await Eventually.TrueAsync(
            async () => (await edge.Admin.GetAsync("/readyz")).IsSuccessStatusCode, "the probe has seen the backend");
    }

    [Theory]
    [InlineData("Edge:Mode", "--Edge:Mode=both")]
    [InlineData("--Mode", "--Mode=edge")]
    [InlineData("Edge:Nothing", "--Edge:Nothing=1")]
    [InlineData("urls", "--urls=nowhere")]
    [InlineData("\"serve\"", "serve")]
    [InlineData(
        "ReverseProxy", "--ReverseProxy:Routes:a:ClusterId=c", "--ReverseProxy:Routes:a:Match:Path=/{**rest}",
        "--ReverseProxy:Clusters:c:SessionAffinity:Policy=Sticky", "--ReverseProxy:Clusters:c:SessionAffinity:Enabled=true",
        "--ReverseProxy:Clusters:c:SessionAffinity:AffinityKeyName=k",
        "--ReverseProxy:Clusters:c:Destinations:d:Address=http://127.0.0.1:1")]
    public async Task AWrongSettingStopsTheStartWithOneLine(string names, params string[] args)
    {
        using var directory = new TemporaryDirectory();
        await using var process = await RunAsync(directory, [.. args, "--Edge:Admin:Url=http://127.0.0.1:0"]);

        Assert.Equal(1, await process.ExitAsync());
        Assert.Single(process.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains(names, process.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ADirectoryOfSomethingElseIsNotClosedToOthers()
    {
        using var directory = new TemporaryDirectory();
        await File.WriteAllTextAsync(directory.File("theirs"), "");
        File.SetUnixFileMode(directory.Path, (UnixFileMode)0b111_101_101);
        await using var process = await RunAsync(directory, "--Edge:DataDirectory=.", "--Edge:Admin:Url=http://127.0.0.1:0");

        Assert.Equal(1, await process.ExitAsync());
        Assert.Contains("Edge:DataDirectory", process.Output, StringComparison.Ordinal);
        Assert.Equal((UnixFileMode)0b111_101_101, File.GetUnixFileMode(directory.Path));
    }

    [Fact]
    public async Task NothingIsWrittenOutsideTheDataDirectory()
    {
        using var directory = new TemporaryDirectory();
        await using var edge = await EdgeProcess.StartAsync(
            directory.Path, new Dictionary<string, string> { ["HOME"] = directory.Path }, "--urls", "http://127.0.0.1:0",
            "--Edge:Admin:Url=http://127.0.0.1:0");

        Assert.Equal(
            [directory.File(".edge")],
            Directory.GetFileSystemEntries(directory.Path).Where(static entry => !entry.EndsWith(".dotnet", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task ASignalDuringTheStartEndsItInOrder()
    {
        using var directory = new TemporaryDirectory();
        using var stop = new CancellationTokenSource();
        await stop.CancelAsync();
        var configuration = new Microsoft.Extensions.Configuration.ConfigurationManager
        {
            ["Edge:Admin:Url"] = "http://127.0.0.1:0",
            ["urls"] = "http://127.0.0.1:0",
        };
        var hosts = new Edge.Hosting.HostFactory(configuration, TimeProvider.System, static _ => { });

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Edge.Program.EdgeNode.StartAsync(hosts, directory.Path, stop.Token));
    }

    [Fact]
    public async Task AnAddressInUseIsSaidInOneLine()
    {
        using var directory = new TemporaryDirectory();
        await using var first = await TestNode.StartAsync("Edge:Mode=relay");
        await using var process = await RunAsync(directory, "--urls", first.PublicUrl.ToString(), "--Edge:Admin:Url=http://127.0.0.1:0");

        Assert.Equal(1, await process.ExitAsync());

        // On a machine that is too busy for the first probe of the API server, the log has said that before.
        var lines = process.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Contains(
            "address already in use",
            Assert.Single(lines, static line => !line.Contains(" warn: ", StringComparison.Ordinal)),
            StringComparison.OrdinalIgnoreCase);
    }

    private static Task<EdgeProcess> RunAsync(TemporaryDirectory directory, params string[] args) =>
        EdgeProcess.StartAsync(directory.Path, args);
}
