using ControlPlane.Agents;
using ControlPlane.ExternalAuth;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Tests;

public sealed class ExternalAuthTests
{
    private const string Path = "/api/v2/workspaceagents/me/external-auth";

    private static readonly ExternalAuthProvider GitHub = new()
    {
        Id = "github",
        Type = "github",
        Pattern = ExternalAuthProvider.CompilePattern(@"^(https?://)?github\.com(/|$)"),
        LinkUrl = new Uri("https://github.com/settings/tokens"),
    };

    private static readonly ExternalAuthProvider GitLab = new()
    {
        Id = "work",
        Type = "gitlab",
        Pattern = ExternalAuthProvider.CompilePattern(@"^(https?://)?git(hub|lab)\.com(/|$)"),
        LinkUrl = new Uri("https://gitlab.com/-/profile"),
    };

    [Theory]
    [InlineData("external-auth?match=https%3A%2F%2Fgithub.com%2Fa%2Fb", "https://github.com/settings/tokens")]
    [InlineData("gitauth?url=github.com", "https://github.com/settings/tokens")] // the oldest agents; both match, the first is it
    [InlineData("gitauth?match=gitlab.com", "https://gitlab.com/-/profile")]
    [InlineData("external-auth?id=work", "https://gitlab.com/-/profile")]
    [InlineData("external-auth?id=work&match=&git_branch=main", "https://gitlab.com/-/profile")]
    public async Task WithoutATokenTheAnswerIsWhereToGetOne(string path, string url)
    {
        await using var server = await StartAsync();
        var answer = await server.SendAsAgentAsync(HttpMethod.Get, "/api/v2/workspaceagents/me/" + path);
        Assert.Equal(200, answer.Status);
        Assert.Equal(
            $$"""{"access_token":"","token_extra":null,"url":"{{url}}","type":"","username":"","password":""}""" + "\n",
            answer.Body);
    }

    [Theory]
    [InlineData("")]
    [InlineData("?match=&id=")]
    [InlineData("?match=github.com&id=github")]
    [InlineData("?url=github.com&id=github")]
    public async Task NeitherOrBothOfMatchAndIdAre400(string query)
    {
        await using var server = await StartAsync();
        var answer = await server.SendAsAgentAsync(HttpMethod.Get, Path + query);
        Assert.Equal(400, answer.Status);
        Assert.NotNull(answer.Message);
    }

    [Theory]
    [InlineData("?match=example.com", "example.com")]
    [InlineData("?id=nobody", "nobody")]
    public async Task AnUnknownProviderIs404AndThoseThereAreAreNamed(string query, string asked)
    {
        await using var server = await StartAsync();
        var answer = await server.SendAsAgentAsync(HttpMethod.Get, Path + query + "&listen");
        Assert.Equal(404, answer.Status);
        Assert.Contains(asked, answer.Message, StringComparison.Ordinal);
        Assert.Contains(@"github=""^(https?://)?github\.com", answer.Detail, StringComparison.Ordinal);

        await using var none = await ApiServer.StartAsync();
        Assert.Equal(404, (await none.SendAsAgentAsync(HttpMethod.Get, Path + query)).Status);
    }

    [Theory]
    [InlineData("github", "secret-1", "")]
    [InlineData("work", "oauth2", "secret-1")]
    public async Task AStoredTokenIsGivenAsItsKindOfHostWantsIt(string id, string username, string password)
    {
        await using var server = await StartAsync();
        await server.Store().SetAsync(await OwnerAsync(server), id, new ExternalAuthToken("secret-1", """{"scope":"repo"}"""), default);
        var answer = await server.SendAsAgentAsync(HttpMethod.Get, Path + "?id=" + id);
        Assert.Equal(200, answer.Status);
        Assert.Equal(
            ("secret-1", "", id == "work" ? "gitlab" : id, username, password),
            (answer.Text("access_token"), answer.Text("url"), answer.Text("type"), answer.Text("username"), answer.Text("password")));
        Assert.Equal("repo", answer.Json.GetProperty("token_extra").GetProperty("scope").GetString());
        Assert.False(answer.Json.TryGetProperty("expires_at", out _));
    }

    [Fact]
    public async Task ATokenEndsWhenItExpiresOrIsRemoved()
    {
        var time = new ManualTimeProvider();
        await using var server = await StartAsync(time);
        var owner = await OwnerAsync(server);
        await server.Store().SetAsync(owner, "github", new ExternalAuthToken("secret-1", null, time.GetUtcNow().AddHours(1)), default);
        var answer = await server.SendAsAgentAsync(HttpMethod.Get, Path + "?id=github");
        Assert.Equal("2026-01-01T01:00:00Z", answer.Text("expires_at"));

        time.Advance(TimeSpan.FromHours(1));
        Assert.Equal("", (await server.SendAsAgentAsync(HttpMethod.Get, Path + "?id=github")).Text("access_token"));

        Assert.True(await server.Store().SetAsync(owner, "github", new ExternalAuthToken("secret-2"), default));
        Assert.Equal("secret-2", (await server.SendAsAgentAsync(HttpMethod.Get, Path + "?id=github")).Text("access_token"));
        Assert.Equal("github", Assert.Single(await server.Store().ListAsync(owner)).ProviderId);

        Assert.True(await server.Store().RemoveAsync(owner, "github", default));
        Assert.False(await server.Store().RemoveAsync(owner, "github", default));
        Assert.Equal("", (await server.SendAsAgentAsync(HttpMethod.Get, Path + "?id=github")).Text("access_token"));
    }

    [Fact]
    public async Task AListenerWaitsUntilThereIsAToken()
    {
        // The clock stands still, so that only the signal can wake it.
        await using var server = await StartAsync(new ManualTimeProvider());
        var waiting = server.SendAsAgentAsync(HttpMethod.Get, Path + "?id=github&listen=false");
        await ListeningAsync(server);
        await server.Store().SetAsync(await OwnerAsync(server), "work", new ExternalAuthToken("of-another"), default);
        await ListeningAsync(server);
        Assert.False(waiting.IsCompleted);
        await server.Store().SetAsync(await OwnerAsync(server), "github", new ExternalAuthToken("secret-1"), default);
        Assert.Equal("secret-1", (await waiting.WaitAsync(ApiServer.Patience, TestContext.Current.CancellationToken)).Text("access_token"));
    }

    [Fact]
    public async Task ATokenThatAnotherProcessStoredIsFoundInTime()
    {
        var time = new ManualTimeProvider();
        await using var server = await StartAsync(time);
        var waiting = server.SendAsAgentAsync(HttpMethod.Get, Path + "?id=github&listen");
        await ListeningAsync(server);
        server.Execute($"INSERT INTO external_auth_tokens VALUES ('{await OwnerAsync(server)}', 'github', 'secret-1', NULL, NULL, 0)");
        time.Advance(TimeSpan.FromSeconds(14));
        Assert.False(waiting.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("secret-1", (await waiting.WaitAsync(ApiServer.Patience, TestContext.Current.CancellationToken)).Text("access_token"));
    }

    [Fact]
    public async Task AListenerIsAnsweredWhenTheServerStopsOrItsAgentIsGone()
    {
        var time = new ManualTimeProvider();
        await using var server = await StartAsync(time);
        var gone = server.SendAsAgentAsync(HttpMethod.Get, Path + "?id=github&listen");
        await ListeningAsync(server);
        server.Execute("DELETE FROM workspace_agents");
        time.Advance(TimeSpan.FromSeconds(15));
        Assert.Equal(401, (await gone.WaitAsync(ApiServer.Patience, TestContext.Current.CancellationToken)).Status);

        await using var stopped = await StartAsync(new ManualTimeProvider());
        var waiting = stopped.SendAsAgentAsync(HttpMethod.Get, Path + "?id=github&listen");
        await ListeningAsync(stopped);
        await stopped.StopAsync();
        Assert.Equal(503, (await waiting.WaitAsync(ApiServer.Patience, TestContext.Current.CancellationToken)).Status);
    }

    [Fact]
    public async Task ATokenFileIsReadEachTimeAndItsTroubleIsNoLink()
    {
        using var directory = new TemporaryDirectory();
        var file = directory.File("token");
        await File.WriteAllTextAsync(file, "secret-1\n", TestContext.Current.CancellationToken);
        await using var server = await StartAsync(providers: new ExternalAuthProvider { Id = "all", Type = "gitea", TokenFile = file });
        Assert.Equal("secret-1", (await server.SendAsAgentAsync(HttpMethod.Get, Path + "?id=all&listen")).Text("username"));
        await File.WriteAllTextAsync(file, "secret-2", TestContext.Current.CancellationToken);
        Assert.Equal("secret-2", (await server.SendAsAgentAsync(HttpMethod.Get, Path + "?id=all")).Text("username"));

        foreach (var content in (string[])["", "two\nlines", "caf\u00e9", new string('x', 20_000)])
        {
            await File.WriteAllTextAsync(file, content, TestContext.Current.CancellationToken);
            Assert.Equal(503, (await server.SendAsAgentAsync(HttpMethod.Get, Path + "?id=all&listen")).Status);
        }

        File.Delete(file);
        Assert.Equal(503, (await server.SendAsAgentAsync(HttpMethod.Get, Path + "?id=all&listen")).Status);
    }

    [Fact]
    public async Task ATokenThatCouldBreakGitsProtocolIsNotStored()
    {
        await using var server = await StartAsync();
        var owner = await OwnerAsync(server);
        foreach (var token in (string[])["", "a b", "a\nhost=evil", "a\0", "caf\u00e9", new string('x', 20_000)])
        {
            await Assert.ThrowsAsync<ArgumentException>(
                () => server.Store().SetAsync(owner, "github", new ExternalAuthToken(token), default));
        }

        foreach (var extra in (string[])["", "[]", "{", "1", string.Concat(Enumerable.Repeat("{\"a\":", 40)) + "1" + new string('}', 40)])
        {
            await Assert.ThrowsAsync<ArgumentException>(
                () => server.Store().SetAsync(owner, "github", new ExternalAuthToken("x", extra), default));
        }

        Assert.False(await server.Store().SetAsync(Guid.NewGuid(), "github", new ExternalAuthToken("x"), default));
        Assert.DoesNotContain("secret", new ExternalAuthToken("secret").ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AHostileTextCostsNoTimeAndOnlyAgentsAsk()
    {
        await using var server = await StartAsync(providers: GitHub with { Pattern = ExternalAuthProvider.CompilePattern("^(a+)+$") });
        Assert.Equal(404, (await server.SendAsAgentAsync(HttpMethod.Get, Path + "?match=" + new string('a', 7000) + "!")).Status);
        Assert.Equal(401, (await server.GetAsync(Path + "?id=github")).Status);
        Assert.Equal(401, (await server.GetAsUserAsync(Path + "?id=github")).Status);
        Assert.Equal(405, (await server.SendAsAgentAsync(HttpMethod.Post, Path + "?id=github")).Status);
    }

    private static Task<ApiServer> StartAsync(ManualTimeProvider? time = null, params ExternalAuthProvider[] providers) =>
        ApiServer.StartAsync(
            directory => new ControlPlaneOptions
            {
                DataDirectory = directory,
                ExternalAuth = providers.Length > 0 ? providers : [GitHub, GitLab],
            },
            time);

    private static async Task<Guid> OwnerAsync(ApiServer server) =>
        (await server.Services.GetRequiredService<AgentStore>().FindAsync(server.Agent.Id))!.OwnerId;

    // It has a timer only while it waits.
    private static Task ListeningAsync(ApiServer server)
    {
        var time = (ManualTimeProvider)server.Services.GetRequiredService<TimeProvider>();
        return Eventually.TrueAsync(() => time.IsDueIn(TimeSpan.FromSeconds(15)), "the listener waits");
    }
}
