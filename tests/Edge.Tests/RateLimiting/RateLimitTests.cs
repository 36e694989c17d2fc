using System.Globalization;
using System.Net;
using Edge.Listeners;
using Edge.RateLimiting;
using Edge.Settings;
using Edge.Tests.Listeners;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Edge.Tests.RateLimiting;

public class RateLimitTests
{
    private const string Me = "/api/v2/users/me";
    private const string Login = "/api/v2/users/login";
    private readonly ManualTimeProvider _time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task EveryLimitedResponseSaysWhatIsLeftAndTheNextOneIs429()
    {
        await using var host = await StartAsync(2);
        var reset = new DateTimeOffset(2026, 1, 1, 0, 1, 0, TimeSpan.Zero).ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        foreach (var left in new[] { "1", "0" })
        {
            using var response = await SendAsync(host, "/a");
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            Assert.Equal(("2", left, reset), Headers(response));
        }

        using var limited = await SendAsync(host, "/a");
        Assert.Equal(HttpStatusCode.TooManyRequests, limited.StatusCode);
        Assert.Equal(("2", "0", reset), Headers(limited));
        Assert.Equal(TimeSpan.FromSeconds(60), limited.Headers.RetryAfter!.Delta);
        Assert.Contains(
            "rate limited for sending more than 2 requests in 1m0s.",
            await limited.Content.ReadAsStringAsync(Cancel),
            StringComparison.Ordinal);
        Assert.Contains("edge.ratelimit.rejected", host.Counted);
    }

    [Theory]
    [InlineData("/a/")]
    [InlineData("/A")]
    [InlineData("/%61")]
    [InlineData("/a?b=c")]
    public async Task OnePathHasOneLimitHoweverItIsSpelled(string spelling)
    {
        await using var host = await StartAsync(1);
        Assert.Equal(200, await StatusAsync(host, "/a"));
        Assert.Equal(429, await StatusAsync(host, spelling));
        Assert.Equal(200, await StatusAsync(host, "/b"));
    }

    [Fact]
    public async Task ACredentialCountsForItselfOnlyOnceAnApiServerHasAcceptedIt()
    {
        await using var host = await StartAsync(2);
        Assert.Equal(200, await StatusAsync(host, Me, ("Coder-Session-Token", "good-1")));
        Assert.Equal(200, await StatusAsync(host, Me, ("Authorization", "Bearer good-2")));

        // The address has used up its two; the accepted credentials have their own two each.
        Assert.Equal(429, await StatusAsync(host, Me));
        Assert.Equal(429, await StatusAsync(host, Me, ("Coder-Session-Token", "good-3")));
        Assert.Equal(200, await StatusAsync(host, Me, ("Coder-Session-Token", "good-1")));
        Assert.Equal(200, await StatusAsync(host, Me, ("Cookie", "coder_session_token=good-1")));
        Assert.Equal(429, await StatusAsync(host, Me + "?coder_session_token=good-1"));
        Assert.Equal(200, await StatusAsync(host, Me, ("Authorization", "bearer good-2")));
    }

    [Fact]
    public async Task InventedCredentialsAreNoWayAroundTheLimit()
    {
        await using var host = await StartAsync(2);
        Assert.Equal(200, await StatusAsync(host, Login, ("Coder-Session-Token", "good-a")));
        Assert.Equal(200, await StatusAsync(host, Login, ("Coder-Session-Token", "good-b")));
        Assert.Equal(429, await StatusAsync(host, Login, ("Coder-Session-Token", "good-a")));

        Assert.Equal(401, await StatusAsync(host, Me, ("Coder-Session-Token", "bad-a")));
        Assert.Equal(401, await StatusAsync(host, Me, ("Coder-Session-Token", "bad-b")));
        Assert.Equal(429, await StatusAsync(host, Me, ("Coder-Session-Token", "bad-a")));
    }

    [Fact]
    public async Task ACredentialInTwoSpellingsBesideAnAcceptedOneTeachesNothing()
    {
        await using var host = await StartAsync(2);
        Assert.Equal(200, await StatusAsync(host, Me, ("Cookie", "coder_session_token=good-1; coder_session_token=invented")));
        Assert.Equal(200, await StatusAsync(host, Me, ("Cookie", "coder_session_token=good-1; coder_session_token=invented")));
        Assert.Equal(429, await StatusAsync(host, Me, ("Cookie", "coder_session_token=invented")));
    }

    [Fact]
    public async Task ACredentialThatIsRefusedLaterIsForgotten()
    {
        await using var host = await StartAsync(2);
        Assert.Equal(200, await StatusAsync(host, Me, ("Coder-Session-Token", "good-1")));
        Assert.Equal(401, await StatusAsync(host, "/api/v2/workspaceagents/gone", ("Coder-Session-Token", "good-1")));
        Assert.Equal(200, await StatusAsync(host, "/x", ("Coder-Session-Token", "good-1")));
        Assert.Equal(200, await StatusAsync(host, "/x"));
        Assert.Equal(429, await StatusAsync(host, "/x", ("Coder-Session-Token", "good-1")));
    }

    [Fact]
    public async Task StreamsAndDerpDoNotCount()
    {
        await using var host = await StartAsync(1);
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(200, await StatusAsync(host, "/derp/probe"));
            Assert.StartsWith(
                "HTTP/1.1 200",
                await host.ExchangeAsync("GET /a HTTP/1.1\r\nHost: x\r\nConnection: close, Upgrade\r\nUpgrade: websocket\r\n\r\n"),
                StringComparison.Ordinal);
        }

        Assert.Equal(200, await StatusAsync(host, "/a"));
        Assert.Equal(429, await StatusAsync(host, "/a"));
    }

    [Fact]
    public async Task ABackendsOwnHeadersAreLeftAsTheyAre()
    {
        await using var host = await StartAsync(5);
        using var response = await SendAsync(host, "/own-limit");
        Assert.Equal("77", response.Headers.GetValues("X-RateLimit-Limit").Single());
        Assert.False(response.Headers.Contains("X-RateLimit-Remaining"));
    }

    [Fact]
    public async Task ZeroTurnsTheLimitOff()
    {
        await using var host = await StartAsync(0);
        using var response = await SendAsync(host, "/a");
        Assert.False(response.Headers.Contains("X-RateLimit-Limit"));
    }

    [Fact]
    public void TheWindowSlides()
    {
        var windows = new RateWindows(new RateLimitOptions { PerMinute = 100 }, _time);
        Assert.All(Enumerable.Range(0, 100), i => Assert.Equal(99 - i, windows.Take(1).Remaining));
        Assert.False(windows.Take(1).Allowed);

        // A quarter into the next minute, three quarters of the last one still count.
        _time.Advance(TimeSpan.FromSeconds(75));
        Assert.All(Enumerable.Range(0, 25), _ => Assert.True(windows.Take(1).Allowed));
        Assert.False(windows.Take(1).Allowed);
        Assert.True(windows.Take(2).Allowed);
        _time.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal(99, windows.Take(1).Remaining);
    }

    [Fact]
    public void AFloodOfKeysNeitherGrowsTheTableNorWashesAwayAFullWindow()
    {
        var windows = new RateWindows(new RateLimitOptions { PerMinute = 10, WindowSets = 16 }, _time);
        Assert.Equal(64, windows.Capacity);
        while (windows.Take(1).Allowed)
        {
        }

        windows.Take(2);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (UInt128 key = 16; key < 100_000; key++)
        {
            windows.Take(key);
        }

        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 100_000);
        Assert.False(windows.Take(1).Allowed);
    }

    [Fact]
    public void AcceptedCredentialsGiveWayToNewerOnes()
    {
        var accepted = new AcceptedCredentials(new RateLimitOptions { CredentialSets = 1 }, _time);
        for (UInt128 credential = 1; credential <= 4; credential++)
        {
            accepted.Add(credential);
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.True(accepted.Contains(1));
        accepted.Add(5);
        Assert.Equal([true, false, true, true, true], new UInt128[] { 1, 2, 3, 4, 5 }.Select(accepted.Contains));
        accepted.Remove(5);
        Assert.False(accepted.Contains(5));
    }

    [Theory]
    [InlineData(Me, true)]
    [InlineData("/api/v2/users/me/keys", true)]
    [InlineData("/api/v2/users", true)]
    [InlineData("/api/v2/tailnet", true)]
    [InlineData("/api/v2/workspaceagents/me/rpc", true)]
    [InlineData("/api/v2/workspaceagents/0b0c/logs", true)]
    [InlineData("/api/v2/workspaceagents/0b0c/pty", false)]
    [InlineData("/api/v2/workspaceagents/aws-instance-identity", false)]
    [InlineData("/api/v2/workspaceagents/derp-map", false)]
    [InlineData("/api/v2/workspaceagents/", false)]
    [InlineData(Login, false)]
    [InlineData("/api/v2/users/first", false)]
    [InlineData("/api/v2/buildinfo", false)]
    [InlineData("/api/v2/users/me/..%2flogin", false)]
    [InlineData("/api/v2/users/m%65", false)]
    [InlineData("/api/v2/workspaceagents//derp-map", false)]
    public void OnlyRoutesThatAnswerNobodyElseProveACredential(string path, bool proving) =>
        Assert.Equal(proving, ProvingRoutes.Contains(path));

    [Fact]
    public void TheSettingIsRead()
    {
        static RateLimitOptions Read(string? value) => RateLimitOptions.Read(new SettingsReader(new ConfigurationBuilder()
            .AddInMemoryCollection(new Dictionary<string, string?> { ["Edge:RateLimit:PerMinute"] = value }).Build()));
        Assert.Equal(512, Read(null).PerMinute);
        Assert.Equal(0, Read("0").PerMinute);
        Assert.Throws<SettingsException>(() => Read("-1"));
    }

    private static (string Limit, string Remaining, string Reset) Headers(HttpResponseMessage response) => (
        response.Headers.GetValues("X-RateLimit-Limit").Single(),
        response.Headers.GetValues("X-RateLimit-Remaining").Single(),
        response.Headers.GetValues("X-RateLimit-Reset").Single());

    private static async Task<int> StatusAsync(AccessHost host, string path, params (string Name, string Value)[] headers)
    {
        using var response = await SendAsync(host, path, headers);
        return (int)response.StatusCode;
    }

    private static async Task<HttpResponseMessage> SendAsync(AccessHost host, string path, params (string Name, string Value)[] headers)
    {
        using var client = host.Client();
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        return await client.SendAsync(request, Cancel);
    }

    /// <summary>
    /// A stand-in for an API server: it accepts credentials that begin with "good", and requires one where a real server would.
    /// </summary>
    private static async Task AnswerAsync(HttpContext context)
    {
        var credential = Edge.Authentication.Credentials.First(context.Request)
            ?? (context.Request.Headers.Cookie.ToString().Contains("good", StringComparison.Ordinal) ? "good" : string.Empty);
        var path = context.Request.Path.Value!;
        if (path == "/own-limit")
        {
            context.Response.Headers["X-RateLimit-Limit"] = "77";
        }

        context.Response.StatusCode = path.EndsWith("/gone", StringComparison.Ordinal)
            || (ProvingRoutes.Contains(path) && !credential.StartsWith("good", StringComparison.Ordinal)) ? 401 : 200;
        await context.Response.WriteAsync("ok", Cancel);
    }

    private Task<AccessHost> StartAsync(int perMinute) => AccessHost.StartAsync(
        services => services.AddEdgeRateLimit(new RateLimitOptions { PerMinute = perMinute }),
        static app =>
        {
            app.UseEdgeRateLimit();
            app.Run(AnswerAsync);
        },
        new EdgeConnectionOptions(),
        time: _time);
}
