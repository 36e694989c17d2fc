using System.Text.Json;

namespace ControlPlane.Tests;

public sealed class PublicApiTests
{
    [Fact]
    public async Task HealthFollowsTheDatabase()
    {
        await using var server = await ApiServer.StartAsync(initialise: false);
        Assert.Equal(503, (await server.GetAsync("/healthz")).Status);

        await ApiServer.InitializeAsync(server.Services);
        var healthy = await server.GetAsync("/healthz");
        Assert.Equal((200, "OK"), (healthy.Status, healthy.Body));
        Assert.Equal(200, (await server.SendAsync(HttpMethod.Head, "/healthz")).Status);
    }

    [Fact]
    public async Task BuildInfoTellsWhatThisDeploymentKnows()
    {
        await using var server = await ApiServer.StartAsync();
        var answer = await server.GetAsync("/api/v2/buildinfo");
        Assert.Equal(200, answer.Status);
        Assert.Equal("v1.2.3", answer.Text("version"));
        Assert.True(Guid.TryParse(answer.Text("deployment_id"), out _));
        Assert.False(answer.Json.TryGetProperty("dashboard_url", out _));
        Assert.Equal("2.10", answer.Text("agent_api_version"));
        Assert.Equal("application/json; charset=utf-8", answer.Headers["Content-Type"]);

        await using var configured = await ApiServer.StartAsync(static directory => new ControlPlaneOptions
        {
            DataDirectory = directory,
            PublicUrl = new Uri("https://edge.example.com"),
            AgentApiVersion = "2.9",
        });
        answer = await configured.GetAsync("/api/v2/buildinfo");
        Assert.Equal("https://edge.example.com", answer.Text("dashboard_url"));
        Assert.Equal("2.9", answer.Text("agent_api_version"));
        Assert.Matches(@"^v\d+\.\d+\.\d+", answer.Text("version"));
    }

    [Fact]
    public async Task EveryApiReplyCarriesTheBuildVersionAndAFinalNewline()
    {
        await using var server = await ApiServer.StartAsync();
        foreach (var answer in new[]
                 {
                     await server.GetAsync("/api/v2/buildinfo"),
                     await server.GetAsync("/api/v2/nothing"),
                     await server.GetAsync("/api/v2/workspaceagents/me/gitsshkey"),
                     await server.GetAsUserAsync(server.AgentPath + "/logs"),
                     await server.PatchLogsAsync("x"),
                 })
        {
            Assert.Equal("v1.2.3", answer.Headers["X-Coder-Build-Version"]);
            Assert.EndsWith("\n", answer.Body, StringComparison.Ordinal);
            Assert.Equal("application/json; charset=utf-8", answer.Headers["Content-Type"]);
        }
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/api/v2/nothing")]
    [InlineData("/api/v2/users")]
    [InlineData("/api/v2/file.txt")]
    [InlineData("/API/v2/buildinfo")]
    [InlineData("/api/v2/Buildinfo")]
    [InlineData("/api/v2/buildinfo/")]
    [InlineData("/api/v2//buildinfo")]
    [InlineData("/api/v2/workspaceagents/ME/logs")]
    [InlineData("/api/v2/workspaceagents")]
    public async Task UnknownRoutesAre404(string path)
    {
        await using var server = await ApiServer.StartAsync();
        var answer = await server.GetAsync(path);
        Assert.Equal((404, "Route not found."), (answer.Status, answer.Message));
    }

    [Fact]
    public async Task TheApiRootGreets()
    {
        await using var server = await ApiServer.StartAsync();
        var answer = await server.GetAsync("/api/v2/");
        Assert.Equal((200, "{\"message\":\"👋\"}\n"), (answer.Status, answer.Body));
    }

    [Theory]
    [InlineData("POST", "/api/v2/buildinfo", "GET")]
    [InlineData("DELETE", "/api/v2/users/me", "GET")]
    public async Task AWrongMethodIs405WithTheRightOne(string method, string path, string allowed)
    {
        await using var server = await ApiServer.StartAsync();
        var answer = await server.SendAsync(new HttpMethod(method), path);
        Assert.Equal((405, allowed), (answer.Status, answer.Headers["Allow"]));
        Assert.NotNull(answer.Message);
    }

    [Fact]
    public async Task TheServerWorksOnAUnixSocket()
    {
        await using var server = await ApiServer.StartAsync(unixSocket: true);
        Assert.Equal("OK", (await server.GetAsync("/healthz")).Body);
        Assert.Equal(200, (await server.PatchLogsAsync("over a socket")).Status);
        Assert.Equal(200, (await server.GetAsUserAsync(server.AgentPath)).Status);
    }

    [Fact]
    public async Task UsersMeIsTheStoredUser()
    {
        var time = new ManualTimeProvider(new DateTimeOffset(2026, 3, 4, 5, 6, 7, 890, TimeSpan.Zero));
        await using var server = await ApiServer.StartAsync(time: time);
        time.Advance(TimeSpan.FromHours(1));
        await server.GetAsUserAsync("/api/v2/users/me");
        var user = await server.GetAsUserAsync("/api/v2/users/me");
        Assert.Equal(200, user.Status);
        Assert.Equal("admin", user.Text("username"));
        Assert.Equal("active", user.Text("status"));
        Assert.Equal("token", user.Text("login_type"));
        Assert.Equal("2026-03-04T05:06:07.89Z", user.Text("created_at"));
        Assert.Equal("2026-03-04T06:06:07.89Z", user.Text("last_seen_at"));
        Assert.True(Guid.TryParse(user.Text("id"), out _));
        Assert.True(Guid.TryParse(user.Json.GetProperty("organization_ids")[0].GetString(), out _));
        var role = Assert.Single(user.Json.GetProperty("roles").EnumerateArray());
        Assert.Equal("owner", role.GetProperty("name").GetString());
        Assert.Equal("Owner", role.GetProperty("display_name").GetString());
        Assert.Equal(JsonValueKind.String, user.Json.GetProperty("email").ValueKind);
    }
}
