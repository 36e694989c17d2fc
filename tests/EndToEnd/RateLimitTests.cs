using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace EndToEnd;

/// <summary>The rate limit, through a node whose clock stands still.</summary>
public sealed class RateLimitTests
{
    private const string Key = "/api/v2/workspaceagents/me/gitsshkey";
    private const string Rpc = "/api/v2/workspaceagents/me/rpc";

    private readonly ManualTimeProvider _clock = new();

    [Fact]
    public async Task EveryAnswerSaysWhatIsLeftAndTheFirstTooManyIs429()
    {
        await using var backend = await TestBackend.StartAsync(AgentAsync);
        await using var edge = await StartAsync(backend, 2);
        var reset = (_clock.GetUtcNow().ToUnixTimeSeconds() / 60 * 60) + 60;

        foreach (var remaining in new[] { "1", "0" })
        {
            using var answer = await edge.Public.GetAsync("/api/v2/buildinfo");
            Assert.Equal("2", Header(answer, "X-RateLimit-Limit"));
            Assert.Equal(remaining, Header(answer, "X-RateLimit-Remaining"));
            Assert.Equal(reset.ToString(CultureInfo.InvariantCulture), Header(answer, "X-RateLimit-Reset"));
        }

        using var limited = await edge.Public.GetAsync("/api/v2/buildinfo");
        Assert.Equal(HttpStatusCode.TooManyRequests, limited.StatusCode);
        Assert.Equal(TimeSpan.FromSeconds(60), limited.Headers.RetryAfter?.Delta);
        Assert.Equal("0", Header(limited, "X-RateLimit-Remaining"));
        Assert.Equal(
            "You've been rate limited for sending more than 2 requests in 1m0s.",
            (await limited.Content.ReadFromJsonAsync<JsonObject>())!["message"]!.GetValue<string>());
        Assert.Equal(2, backend.Requests.Count);

        _clock.Advance(TimeSpan.FromMinutes(2));
        Assert.NotEqual(HttpStatusCode.TooManyRequests, await StatusAsync(edge, "/api/v2/buildinfo"));
    }

    [Fact]
    public async Task EachPathAndEachAddressCountsForItself()
    {
        await using var backend = await TestBackend.StartAsync(AgentAsync);
        await using var edge = await StartAsync(backend, 1);

        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(edge, "/a"));
        Assert.Equal(HttpStatusCode.TooManyRequests, await StatusAsync(edge, "/a"));
        Assert.Equal(HttpStatusCode.TooManyRequests, await StatusAsync(edge, "/A/?b=c"));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(edge, "/b"));

        using var elsewhere = await RawClient.ConnectAsync(edge.PublicUrl, "127.0.0.2");
        await elsewhere.SendAsync("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 401 ", await elsewhere.ReceiveHeadAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task TwoAgentsBehindOneAddressCountForThemselvesOnceTheApiServerHasAcceptedThem()
    {
        await using var backend = await TestBackend.StartAsync(AgentAsync);
        await using var edge = await StartAsync(backend, 3);

        // Until its first answer, each counts for the address that they share.
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(edge, Key, "agent-a"));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(edge, Key, "agent-b"));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(edge, Key, "invented-1"));
        Assert.Equal(HttpStatusCode.TooManyRequests, await StatusAsync(edge, Key, "invented-2"));
        foreach (var agent in new[] { "agent-a", "agent-b" })
        {
            for (var i = 0; i < 3; i++)
            {
                Assert.Equal(HttpStatusCode.OK, await StatusAsync(edge, Key, agent));
            }

            Assert.Equal(HttpStatusCode.TooManyRequests, await StatusAsync(edge, Key, agent));
        }
    }

    [Fact]
    public async Task StreamsAreNotCountedAndAnAcceptedOneSpeaksForItsCredential()
    {
        await using var backend = await TestBackend.StartAsync(AgentAsync);
        await using var edge = await StartAsync(backend, 1);

        for (var i = 0; i < 3; i++)
        {
            using var socket = await TestSocket.ConnectAsync(
                edge.PublicUrl, Rpc, static options => options.SetRequestHeader("Coder-Session-Token", "agent-a"));
            await socket.SendTextAsync("hello");
            Assert.Equal("hello", await socket.ReceiveTextAsync());
        }

        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(edge, Key));
        Assert.Equal(HttpStatusCode.TooManyRequests, await StatusAsync(edge, Key));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(edge, Key, "agent-a"));
        Assert.Equal(HttpStatusCode.TooManyRequests, await StatusAsync(edge, Key, "agent-a"));
    }

    [Fact]
    public async Task UsersWithVerifiedTokensAreNotCountedTogetherEither()
    {
        using var keys = new TemporaryDirectory();
        await using var backend = await TestBackend.StartAsync(static context => context.Response.WriteAsync("fine"));
        await using var edge = await StartAsync(backend, 2, TestTokens.Settings(keys));
        var alice = TestTokens.Create(_clock.GetUtcNow(), "RS256", "alice");
        var bob = TestTokens.Create(_clock.GetUtcNow(), "RS256", "bob");

        foreach (var token in new[] { alice, bob, alice, alice, bob, bob })
        {
            Assert.Equal(HttpStatusCode.OK, await BearerAsync(token));
        }

        Assert.Equal(HttpStatusCode.TooManyRequests, await BearerAsync(alice));
        Assert.Equal(HttpStatusCode.TooManyRequests, await BearerAsync("wrong"));

        async Task<HttpStatusCode> BearerAsync(string token)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v2/users/me");
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
            using var answer = await edge.Public.SendAsync(request);
            return answer.StatusCode;
        }
    }

    [Fact]
    public async Task ZeroTurnsItOff()
    {
        await using var backend = await TestBackend.StartAsync(AgentAsync);
        await using var edge = await StartAsync(backend, 0);

        for (var i = 0; i < 600; i++)
        {
            using var answer = await edge.Public.GetAsync("/a");
            Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
            Assert.DoesNotContain(
                answer.Headers,
                static header => header.Key.StartsWith("X-RateLimit", StringComparison.OrdinalIgnoreCase));
        }
    }

    [Fact]
    public async Task WithoutASettingItIs512()
    {
        await using var backend = await TestBackend.StartAsync(AgentAsync);
        await using var edge = await TestNode.StartAsync("Edge:Mode=edge", $"Edge:Backends={backend.Url}");

        using var answer = await edge.Public.GetAsync("/a");

        Assert.Equal("512", Header(answer, "X-RateLimit-Limit"));
    }

    private Task<TestNode> StartAsync(TestBackend backend, int perMinute, params string[] more) => TestNode.StartAsync(
        _clock, waitUntilReady: true, ["Edge:Mode=edge", $"Edge:Backends={backend.Url}", $"Edge:RateLimit:PerMinute={perMinute}", .. more]);

    private static async Task<HttpStatusCode> StatusAsync(TestNode edge, string path, string? agent = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (agent is not null)
        {
            request.Headers.Add("Coder-Session-Token", agent);
        }

        using var answer = await edge.Public.SendAsync(request);
        return answer.StatusCode;
    }

    private static string Header(HttpResponseMessage answer, string name) => answer.Headers.GetValues(name).Single();

    /// <summary>Knows two agents, by whatever route they come.</summary>
    private static async Task AgentAsync(HttpContext context)
    {
        if (context.Request.Headers["Coder-Session-Token"].ToString() is not ("agent-a" or "agent-b"))
        {
            context.Response.StatusCode = StatusCodes.Status401Unauthorized;
        }
        else if (context.WebSockets.IsWebSocketRequest)
        {
            using var socket = await context.WebSockets.AcceptWebSocketAsync();
            await socket.EchoAsync();
        }
    }
}
