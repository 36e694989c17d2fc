using System.Net;
using System.Net.WebSockets;
using System.Text;

namespace EndToEnd;

/// <summary>JSON Web Tokens of streams: in a header or in the query, over HTTP/1.1 and HTTP/2.</summary>
public sealed class StreamAuthenticationTests : IDisposable
{
    private const string Terminal = "/api/v2/workspaceagents/11111111-1111-1111-1111-111111111111/pty";
    private const string Reject = "Edge:Authentication:Jwt:RejectUnverified=true";

    private readonly TemporaryDirectory _keys = new();

    public void Dispose() => _keys.Dispose();

    [Theory]
    [InlineData("/api/v2/workspaceagents/me/rpc")]
    [InlineData("/derp")]
    public async Task StreamsThatAreNotTheEdgesToJudgePassWithoutAToken(string path)
    {
        await using var backend = await TestBackend.StartAsync(Echo.SocketAsync);
        await using var edge = await StartAsync(backend, Reject);

        using var socket = await TestSocket.ConnectAsync(edge.PublicUrl, path);
        await socket.SendTextAsync("hello");

        Assert.Equal("hello", await socket.ReceiveTextAsync());
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task AStreamCarriesTheIdentityToo(bool inQuery, bool forward)
    {
        await using var backend = new RawBackend(
            async (socket, _) => await socket.SendAsync(Encoding.Latin1.GetBytes(RawBackend.Accept())));
        await using var edge = await StartAsync(backend.Url, $"Edge:Authentication:Jwt:ForwardToken={forward}");
        using var client = await RawClient.ConnectAsync(edge.PublicUrl);
        var token = TestTokens.Create(subject: "alice");

        var target = inQuery ? $"{Terminal}?reconnect=1&access_token={token}&command=a%2Fb" : $"{Terminal}?reconnect=1&command=a%2Fb";
        var headers = inQuery ? "X-Edge-Subject: root\r\n\r\n" : $"X-Edge-Subject: root\r\nAuthorization: Bearer {token}\r\n\r\n";
        var head = StreamTests.UpgradeHead(target);
        await client.SendAsync(head[..^2] + headers);
        var answer = await client.ReceiveHeadAsync();
        var seen = await backend.HeadAsync();

        Assert.StartsWith("HTTP/1.1 101 ", answer, StringComparison.Ordinal);
        Assert.Contains("\r\nX-Edge-Subject: alice\r\n", seen, StringComparison.OrdinalIgnoreCase);
        Assert.Contains($"\r\nX-Edge-Issuer: {TestTokens.Issuer}\r\n", seen, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("root", seen, StringComparison.Ordinal);
        Assert.Equal(forward, seen.Contains(token, StringComparison.Ordinal));
        if (!forward)
        {
            Assert.StartsWith($"GET {Terminal}?reconnect=1&command=a%2Fb HTTP/1.1\r\n", seen, StringComparison.Ordinal);
            Assert.DoesNotContain("Authorization", seen, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain("access_token", seen, StringComparison.OrdinalIgnoreCase);
        }
    }

    [Fact]
    public async Task AnUpgradeWithoutAValidTokenIsRefusedBeforeTheApiServerHearsOfIt()
    {
        await using var backend = await TestBackend.StartAsync(Echo.SocketAsync);
        await using var edge = await StartAsync(backend);

        foreach (var query in new[] { "", "?access_token=wrong" })
        {
            using var client = await RawClient.ConnectAsync(edge.PublicUrl);
            await client.SendAsync(StreamTests.UpgradeHead(Terminal + query));
            var answer = await client.ReceiveUntilAsync("}");

            Assert.StartsWith("HTTP/1.1 401 ", answer, StringComparison.Ordinal);
            Assert.Contains("\r\nWWW-Authenticate: Bearer ", answer, StringComparison.OrdinalIgnoreCase);
            Assert.Contains("\"message\":", answer, StringComparison.Ordinal);
        }

        Assert.Empty(backend.Requests);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task AWebSocketOverHttp2CarriesTheIdentity(bool inQuery)
    {
        await using var backend = await TestBackend.StartAsync(static async context =>
        {
            using var socket = await context.WebSockets.AcceptWebSocketAsync();
            var headers = context.Request.Headers;
            await socket.SendTextAsync($"{headers["X-Edge-Subject"]} '{headers.Authorization}' '{context.Request.QueryString}'");
            await socket.EchoAsync();
        });
        await using var edge = await StartHttp2Async(backend);
        using var invoker = new HttpMessageInvoker(new SocketsHttpHandler());
        using var socket = new ClientWebSocket();
        var token = TestTokens.Create(subject: "alice");

        await ConnectHttp2Async(socket, invoker, edge, inQuery ? $"?access_token={token}" : "", inQuery ? null : token);
        Assert.Equal("alice '' ''", await socket.ReceiveTextAsync());
        await socket.SendTextAsync("hello");

        Assert.Equal("hello", await socket.ReceiveTextAsync());
    }

    [Fact]
    public async Task AWebSocketOverHttp2NeedsAValidTokenToo()
    {
        await using var backend = await TestBackend.StartAsync(Echo.SocketAsync);
        await using var edge = await StartHttp2Async(backend);
        using var invoker = new HttpMessageInvoker(new SocketsHttpHandler());
        foreach (var token in new[] { null, TestTokens.Create("strange") })
        {
            using var socket = new ClientWebSocket();
            socket.Options.CollectHttpResponseDetails = true;

            await Assert.ThrowsAsync<WebSocketException>(() => ConnectHttp2Async(socket, invoker, edge, "", token));

            Assert.Equal(HttpStatusCode.Unauthorized, socket.HttpStatusCode);
            Assert.StartsWith("Bearer ", socket.HttpResponseHeaders!["WWW-Authenticate"].Single(), StringComparison.Ordinal);
        }

        Assert.Empty(backend.Requests);
    }

    private Task<TestNode> StartAsync(TestBackend backend, params string[] more) => StartAsync(backend.Url, more);

    private Task<TestNode> StartAsync(string backend, params string[] more) =>
        TestNode.StartAsync(["Edge:Mode=edge", $"Edge:Backends={backend}", .. TestTokens.Settings(_keys), .. more]);

    private Task<TestNode> StartHttp2Async(TestBackend backend) =>
        StartAsync(backend, "Kestrel:Endpoints:Two:Url=http://127.0.0.1:0", "Kestrel:Endpoints:Two:Protocols=Http2");

    private static Task ConnectHttp2Async(ClientWebSocket socket, HttpMessageInvoker invoker, TestNode edge, string query, string? token)
    {
        socket.Options.HttpVersion = HttpVersion.Version20;
        socket.Options.HttpVersionPolicy = HttpVersionPolicy.RequestVersionExact;
        if (token is not null)
        {
            socket.Options.SetRequestHeader("Authorization", $"Bearer {token}");
        }

        return socket.ConnectAsync(new Uri($"ws://{edge.PublicUrl.Authority}{Terminal}{query}"), invoker, CancellationToken.None)
            .WaitAsync(TestNode.Patience);
    }
}
