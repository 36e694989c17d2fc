using System.Net;

namespace EndToEnd;

/// <summary>Two real nodes, an edge before an API server of ours: which of them counts whom.</summary>
public class EdgeBeforeApiTests
{
    private const string Warning = "Edge:TrustedProxies is empty";

    [Fact]
    public async Task ByDefaultAnApiServerDoesNotTakeAnEdgeForOneClient()
    {
        await using var api = await TestNode.StartAsync("Edge:Mode=api", "Edge:RateLimit:PerMinute=20");
        await using var edge = await TestNode.StartAsync("Edge:Mode=edge", $"Edge:Backends={api.PublicUrl}", "Edge:RateLimit:PerMinute=20");

        foreach (var address in Addresses(50))
        {
            Assert.StartsWith("HTTP/1.1 200 ", await AskAsync(edge, address), StringComparison.Ordinal);
        }

        Assert.Equal(1, WarningsOf(api));
        Assert.Equal(0, WarningsOf(edge));
    }

    [Fact]
    public async Task ByDefaultOneEdgeCarriesMoreStreamsThanOneAddressMayHaveConnections()
    {
        const int More = 1_030;
        await using var api = await TestNode.StartAsync("Edge:Mode=api");
        await using var edge = await TestNode.StartAsync("Edge:Mode=edge", $"Edge:Backends={api.PublicUrl}");
        var follow = $"GET /api/v2/workspaceagents/{Bootstrapped.AgentId(api.Node.Data.BootstrapFile)}/logs?follow HTTP/1.1\r\nHost: x\r\n"
            + $"Coder-Session-Token: {Bootstrapped.SessionToken(api.Node.Data.BootstrapFile)}\r\n"
            + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        var streams = new List<RawClient>();
        try
        {
            foreach (var some in Addresses(More).Chunk(50))
            {
                streams.AddRange(await Task.WhenAll(some.Select(async address =>
                {
                    var client = await RawClient.ConnectAsync(edge.PublicUrl, address);
                    await client.SendAsync(follow);
                    Assert.StartsWith("HTTP/1.1 101 ", await client.ReceiveHeadAsync(), StringComparison.Ordinal);
                    return client;
                })));
            }

            await Eventually.TrueAsync(() => edge.Node.OpenStreams == More, "the edge carries all");
        }
        finally
        {
            streams.ForEach(static stream => stream.Dispose());
        }
    }

    [Fact]
    public async Task AnApiServerThatTrustsTheEdgeCountsTheEdgesClients()
    {
        await using var api = await TestNode.StartAsync("Edge:Mode=api", "Edge:TrustedProxies=127.0.0.1", "Edge:RateLimit:PerMinute=3");
        await using var edge = await TestNode.StartAsync("Edge:Mode=edge", $"Edge:Backends={api.PublicUrl}", "Edge:RateLimit:PerMinute=0");

        for (var i = 0; i < 3; i++)
        {
            Assert.StartsWith("HTTP/1.1 200 ", await AskAsync(edge, "127.0.0.2"), StringComparison.Ordinal);
        }

        Assert.StartsWith("HTTP/1.1 429 ", await AskAsync(edge, "127.0.0.2"), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 200 ", await AskAsync(edge, "127.0.0.3"), StringComparison.Ordinal);
        Assert.Equal(0, WarningsOf(api));
    }

    [Fact]
    public async Task AnApiServerWithoutTrustedProxiesDoesNotBelieveWhatAClientSaysOfItsAddress()
    {
        await using var backend = await TestNode.StartAsync("Edge:Mode=api", "Edge:TrustedProxies=127.0.0.9", "Edge:RateLimit:PerMinute=2");
        for (var i = 0; i < 3; i++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v2/buildinfo");
            request.Headers.Add("X-Forwarded-For", $"203.0.113.{i}");
            using var answer = await backend.Public.SendAsync(request);
            Assert.Equal(i < 2 ? HttpStatusCode.OK : HttpStatusCode.TooManyRequests, answer.StatusCode);
        }
    }

    [Fact]
    public async Task RefusedConnectionsAreLoggedOnceAndThenOnceAMinute()
    {
        var clock = new ManualTimeProvider();
        await using var node = await TestNode.StartAsync(clock, waitUntilReady: true, "Edge:Mode=relay", "Edge:Limits:MaxConnections=1");
        using var only = await RawClient.ConnectAsync(node.PublicUrl);
        await only.SendAsync("GET /generate_204 HTTP/1.1\r\nHost: x\r\n\r\n");
        await only.ReceiveHeadAsync();

        for (var i = 0; i < 5; i++)
        {
            Assert.Equal("", await Crowd.TryAsync(node.PublicUrl));
        }

        Assert.Equal("1", Assert.Single(Refusals(node)));
        clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal("", await Crowd.TryAsync(node.PublicUrl));
        Assert.Equal(["1", "5"], Refusals(node));
    }

    private static IEnumerable<string> Addresses(int count) =>
        Enumerable.Range(0, count).Select(static i => $"127.0.{1 + (i / 250)}.{1 + (i % 250)}");

    private static async Task<string> AskAsync(TestNode node, string from)
    {
        using var client = await RawClient.ConnectAsync(node.PublicUrl, from);
        await client.SendAsync("GET /api/v2/buildinfo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        return await client.ReceiveAllAsync();
    }

    private static int WarningsOf(TestNode node) =>
        node.Log.Lines.Count(
            static line => line.StartsWith("Warning ", StringComparison.Ordinal) && line.Contains(Warning, StringComparison.Ordinal));

    private static string[] Refusals(TestNode node)
    {
        const string Text = " connections were refused since ";
        return
        [
            .. node.Log.Lines
                .Where(static line => line.StartsWith("Warning ", StringComparison.Ordinal)
                    && line.Contains(Text, StringComparison.Ordinal))
                .Select(static line => line[..line.IndexOf(Text, StringComparison.Ordinal)].Split(' ')[^1]),
        ];
    }
}
