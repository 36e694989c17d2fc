using System.Net;
using Edge.Proxy;
using Edge.Settings;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.Forwarder;

namespace EndToEnd;

/// <summary>The limits of <c>Edge:Limits</c>, and the one that does not exist: a time limit for silent answers.</summary>
public class LimitTests
{
    [Fact]
    public async Task AConnectionOverTheTotalIsClosedAndTheOthersGoOn()
    {
        await using var backend = await TestBackend.StartAsync(AnswerAsync);
        await using var edge = await StartAsync(backend, "Edge:Limits:MaxConnections=4");
        using var stream = await TestSocket.ConnectAsync(edge.PublicUrl, "/api/v2/workspaceagents/x/pty");
        await using var crowd = await Crowd.ArriveAsync(edge.PublicUrl, 3);

        Assert.Equal("", await Crowd.TryAsync(edge.PublicUrl));
        Assert.Equal("", await Crowd.TryAsync(edge.PublicUrl, from: "127.0.0.2"));
        await crowd.AssertServedAsync();
        await stream.SendTextAsync("still here");
        Assert.Equal("still here", await stream.ReceiveTextAsync());

        crowd.LeaveOne();
        await Eventually.TrueAsync(async () => (await Crowd.TryAsync(edge.PublicUrl)).Length > 0, "the place is free again");
        await crowd.AssertServedAsync();
    }

    [Fact]
    public async Task AnAddressOverItsLimitIsTurnedAwayAndOthersAreNot()
    {
        await using var backend = await TestBackend.StartAsync(AnswerAsync);
        await using var edge = await StartAsync(backend, "Edge:Limits:MaxConnectionsPerAddress=1000");
        await using var crowd = await Crowd.ArriveAsync(edge.PublicUrl, 1000, from: "127.0.0.3");

        Assert.Equal("", await Crowd.TryAsync(edge.PublicUrl, from: "127.0.0.3"));
        Assert.StartsWith("HTTP/1.1 200 ", await Crowd.TryAsync(edge.PublicUrl, from: "127.0.0.4"), StringComparison.Ordinal);
        await crowd.AssertServedAsync();
    }

    [Fact]
    public async Task ZeroConnectionsAnAddressMeansNoLimitAndFewerThanAThousandAreRefused()
    {
        await using var backend = await TestBackend.StartAsync(AnswerAsync);
        await using (var edge = await StartAsync(backend, "Edge:Limits:MaxConnectionsPerAddress=0"))
        {
            // One more than the default would let in.
            await using var crowd = await Crowd.ArriveAsync(edge.PublicUrl, 1025, from: "127.0.0.5");
        }

        var error = await Assert.ThrowsAsync<SettingsException>(() => StartAsync(backend, "Edge:Limits:MaxConnectionsPerAddress=999"));
        Assert.StartsWith("Edge:Limits:MaxConnectionsPerAddress = \"999\": allowed are 0", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ABodyWithoutALengthThatGrowsTooLargeIs413()
    {
        await using var backend = await TestBackend.StartAsync(static async context => await context.Request.Body.CopyToAsync(Stream.Null));
        await using var edge = await StartAsync(backend, "Edge:Limits:MaxRequestBodySize=1000");
        using var client = await RawClient.ConnectAsync(edge.PublicUrl);

        await client.SendAsync("POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
        await client.SendAsync($"3e9\r\n{new string('x', 1001)}\r\n0\r\n\r\n");
        var answer = await client.ReceiveUntilAsync("}");

        Assert.StartsWith("HTTP/1.1 413 ", answer, StringComparison.Ordinal);
        Assert.Contains("\"message\":", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ABodyOfExactlyTheLimitPassesAndZeroMeansNoLimit()
    {
        await using var backend = await TestBackend.StartAsync(static async context => await context.Request.Body.CopyToAsync(Stream.Null));
        await using var limited = await StartAsync(backend, "Edge:Limits:MaxRequestBodySize=1000");
        await using var unlimited = await StartAsync(backend, "Edge:Limits:MaxRequestBodySize=0");

        using var exact = await limited.Public.PostAsync("/x", new ByteArrayContent(new byte[1000]));
        using var large = await unlimited.Public.PostAsync("/x", new ByteArrayContent(new byte[65 << 20]));

        Assert.Equal(HttpStatusCode.OK, exact.StatusCode);
        Assert.Equal(HttpStatusCode.OK, large.StatusCode);
    }

    [Theory]
    [InlineData("GET /{0} HTTP/1.1\r\nHost: x\r\n\r\n", 414)]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nX-Long: {0}\r\n\r\n", 431)]
    public async Task AHeadOverTheLimitIsRefused(string head, int status)
    {
        await using var backend = await TestBackend.StartAsync(AnswerAsync);
        await using var edge = await StartAsync(backend, "Edge:Limits:MaxRequestHeadSize=2048");
        await using var neighbour = await Crowd.ArriveAsync(edge.PublicUrl, 1);

        Assert.StartsWith("HTTP/1.1 200 ", await SendAsync(1500), StringComparison.Ordinal);
        Assert.StartsWith($"HTTP/1.1 {status} ", await SendAsync(2100), StringComparison.Ordinal);
        await neighbour.AssertServedAsync();
        Assert.DoesNotContain(backend.Requests, static request => request.Length > 2000);

        async Task<string> SendAsync(int length)
        {
            using var client = await RawClient.ConnectAsync(edge.PublicUrl);
            await client.SendAsync(string.Format(System.Globalization.CultureInfo.InvariantCulture, head, new string('x', length)));
            return await client.ReceiveHeadAsync();
        }
    }

    [Fact]
    public async Task TooManyHeadersAreRefused()
    {
        await using var backend = await TestBackend.StartAsync(AnswerAsync);
        await using var edge = await StartAsync(backend, "Edge:Limits:MaxRequestHeaders=10");

        Assert.StartsWith("HTTP/1.1 200 ", await SendAsync(9), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 431 ", await SendAsync(10), StringComparison.Ordinal);
        Assert.Single(backend.Requests);

        async Task<string> SendAsync(int besidesHost)
        {
            using var client = await RawClient.ConnectAsync(edge.PublicUrl);
            var headers = string.Concat(Enumerable.Range(0, besidesHost).Select(static i => $"X-{i}: y\r\n"));
            await client.SendAsync($"GET / HTTP/1.1\r\nHost: x\r\n{headers}\r\n");
            return await client.ReceiveHeadAsync();
        }
    }

    [Fact]
    public async Task NothingThatDecidesHowLongAnAnswerMayBeSilentKnowsAnyTime()
    {
        // The plain list of API servers, and an operator's YARP section without the setting.
        var (_, clusters) = BackendsConfig.Create([new Uri("http://127.0.0.1:1")]);
        foreach (var cluster in new[] { clusters.Single(), new ClusterConfig { ClusterId = "own" } })
        {
            var ruled = await new ClusterRules().ConfigureClusterAsync(cluster, CancellationToken.None);

            // Also between two events: YARP's clock starts anew with every byte, and is 100 s unless it is told otherwise.
            Assert.True(ruled.HttpRequest!.ActivityTimeout > TimeSpan.FromDays(7));
        }

        // A time for the head of an answer would be the client's; a bare handler has none.
        var factory = new BackendHttpClientFactory(
            new BackendConnector(null, TimeSpan.FromSeconds(5)), NullLogger<ForwarderHttpClientFactory>.Instance);
        using var client = factory.CreateClient(new ForwarderHttpClientContext { NewConfig = HttpClientConfig.Empty });
        Assert.IsNotType<HttpClient>(client);
    }

    [Fact]
    public void AConnectionToAnApiServerIsMadeAnewInTimeForANamesNewAddress()
    {
        var factory = new BackendHttpClientFactory(
            new BackendConnector(null, TimeSpan.FromSeconds(5)), NullLogger<ForwarderHttpClientFactory>.Instance);
        using var handler = new SocketsHttpHandler();

        factory.Configure(handler);

        Assert.InRange(handler.PooledConnectionLifetime, TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(2));
    }

    [Fact]
    public async Task ALongPollAndAnEventStreamMayBeSilentForAWhile()
    {
        var silence = TimeSpan.FromSeconds(3);
        await using var backend = await TestBackend.StartAsync(async context =>
        {
            if (context.Request.Path.Value!.EndsWith("/reinit", StringComparison.Ordinal))
            {
                context.Response.ContentType = "text/event-stream";
                await context.Response.WriteAsync("data: 1\n\n");
                await context.Response.Body.FlushAsync();
            }

            await Task.Delay(silence, context.RequestAborted);
            await context.Response.WriteAsync("data: 2\n\n");
        });
        await using var edge = await StartAsync(backend);

        var poll = edge.Public.GetStringAsync("/api/v2/workspaceagents/me/external-auth?listen");
        var events = edge.Public.GetStringAsync("/api/v2/workspaceagents/me/reinit");

        Assert.Equal("data: 2\n\n", await poll.WaitAsync(TestNode.Patience));
        Assert.Equal("data: 1\n\ndata: 2\n\n", await events.WaitAsync(TestNode.Patience));
    }

    private static Task<TestNode> StartAsync(TestBackend backend, params string[] more) =>
        TestNode.StartAsync(["Edge:Mode=edge", $"Edge:Backends={backend.Url}", "Edge:RateLimit:PerMinute=0", .. more]);

    private static async Task AnswerAsync(HttpContext context)
    {
        if (context.WebSockets.IsWebSocketRequest)
        {
            using var socket = await context.WebSockets.AcceptWebSocketAsync();
            await socket.EchoAsync();
        }
    }
}
