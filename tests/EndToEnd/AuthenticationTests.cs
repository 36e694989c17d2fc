using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace EndToEnd;

/// <summary>JSON Web Tokens at the edge, as clients meet them and as the API server behind sees them.</summary>
public sealed class AuthenticationTests : IDisposable
{
    private const string Me = "/api/v2/users/me";
    private const string Terminal = "/api/v2/workspaceagents/11111111-1111-1111-1111-111111111111/pty";
    private const string Reject = "Edge:Authentication:Jwt:RejectUnverified=true";

    private readonly TemporaryDirectory _keys = new();

    public void Dispose() => _keys.Dispose();

    [Theory]
    [InlineData("RS256")]
    [InlineData("ES256")]
    [InlineData("HS256")]
    public async Task AUserRouteNeedsAValidToken(string algorithm)
    {
        await using var backend = await TestBackend.StartAsync(Echo.HeadersAsync);
        await using var edge = await StartAsync(backend);

        using var with = await edge.Public.SendAsync(Get(Me, TestTokens.Create(algorithm)));
        using var without = await edge.Public.SendAsync(Get(Me));

        Assert.Equal(HttpStatusCode.OK, with.StatusCode);
        await AssertRefusedAsync(without, HttpStatusCode.Unauthorized, "Bearer realm=\"edge\"");
        Assert.Single(backend.Requests);
    }

    [Fact]
    public async Task BeforeTheEmbeddedApiServerTheStartSaysThatAJwtLetsNobodyIn()
    {
        await using var edge = await TestNode.StartAsync(
            "Edge:Authentication:Jwt:Audience=a", "Edge:Authentication:Jwt:Issuer=b", $"Edge:Authentication:Jwt:SigningKeys:0=base64:{Convert.ToBase64String(new byte[32])}");

        Assert.Contains(edge.Log.Lines, static line => line.StartsWith("Warning ", StringComparison.Ordinal)
            && line.Contains("the embedded API server does not accept JSON Web Tokens", StringComparison.Ordinal));
    }

    [Fact]
    public async Task AWrongTokenIs401AndNeverReachesTheApiServer()
    {
        await using var backend = await TestBackend.StartAsync(Echo.HeadersAsync);
        await using var edge = await StartAsync(backend);
        var past = DateTimeOffset.UtcNow.AddMinutes(-10).ToUnixTimeSeconds().ToString(System.Globalization.CultureInfo.InvariantCulture);
        var good = TestTokens.Create();

        foreach (var token in new[]
        {
            TestTokens.Create("strange"),
            TestTokens.Create("none"),
            TestTokens.Create(claims: ("aud", "another")),
            TestTokens.Create(claims: ("iss", "https://another.example")),
            TestTokens.Create(claims: ("exp", past)),
            good[..^8],
            good[..good.LastIndexOf('.')] + ".",
            "no-token",
        })
        {
            using var answer = await edge.Public.SendAsync(Get(Me, token));
            await AssertRefusedAsync(answer, HttpStatusCode.Unauthorized, "Bearer realm=\"edge\", error=\"invalid_token\"");
        }

        Assert.Empty(backend.Requests);
        Assert.DoesNotContain(edge.Log.Lines, line => line.Contains(good[..^8], StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("Coder-Session-Token", "s", "")]
    [InlineData("Cookie", "a=b; coder_session_token=s", "")]
    [InlineData("X-Nothing", "x", "?coder_session_token=s")]
    public async Task ASessionTokenIsLeftToTheApiServerUnlessSettingsSayNo(string header, string value, string query)
    {
        await using var backend = await TestBackend.StartAsync(Echo.HeadersAsync);
        await using var edge = await StartAsync(backend);
        await using var strict = await StartAsync(backend, Reject);

        using var passed = await edge.Public.SendAsync(With(Get(Me + query), header, value));
        var seen = await HeadersAsync(passed);
        using var refused = await strict.Public.SendAsync(With(Get(Me + query), header, value));

        Assert.Equal(value, seen[header]);
        Assert.DoesNotContain("X-Edge-Subject", seen.Keys);
        Assert.Equal($"GET {Me}{query}", Assert.Single(backend.Requests));
        await AssertRefusedAsync(refused, HttpStatusCode.Unauthorized, "Bearer realm=\"edge\"");
    }

    [Theory]
    [InlineData("/healthz")]
    [InlineData("/api/v2/buildinfo")]
    [InlineData("/derp")]
    [InlineData("/derp/latency-check")]
    [InlineData("/api/v2/workspaceagents/me/gitsshkey")]
    [InlineData("/api/v2/workspaceagents/me/rpc")]
    [InlineData("/api/v2/workspaceagents/aws-instance-identity")]
    [InlineData("/api/v2/workspaceagents/azure-instance-identity")]
    [InlineData("/api/v2/workspaceagents/google-instance-identity")]
    public async Task WhatIsNotTheEdgesToJudgePassesAsItIs(string path)
    {
        await using var backend = await TestBackend.StartAsync(Echo.HeadersAsync);
        await using var edge = await StartAsync(backend, Reject);

        using var without = await edge.Public.SendAsync(Get(path));
        using var agents = await edge.Public.SendAsync(Get(path, "11111111-1111-1111-1111-111111111111"));

        Assert.Equal(HttpStatusCode.OK, without.StatusCode);
        Assert.Equal(HttpStatusCode.OK, agents.StatusCode);
        if (path != "/healthz")
        {
            Assert.Equal("Bearer 11111111-1111-1111-1111-111111111111", (await HeadersAsync(agents))["Authorization"]);
        }
    }

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
    [InlineData(false)]
    [InlineData(true)]
    public async Task TheApiServerHearsWhoItIsAndSeesTheTokenOnlyWhenAsked(bool forward)
    {
        await using var backend = await TestBackend.StartAsync(Echo.HeadersAsync);
        await using var edge = await StartAsync(backend, $"Edge:Authentication:Jwt:ForwardToken={forward}");
        var token = TestTokens.Create(subject: "alice");
        using var request = With(With(Get(Me, token), "X-Edge-Subject", "root"), "X_Edge_Issuer", "root");

        using var answer = await edge.Public.SendAsync(request);
        var seen = await HeadersAsync(answer);

        Assert.Equal("alice", seen["X-Edge-Subject"]);
        Assert.Equal(TestTokens.Issuer, seen["X-Edge-Issuer"]);
        Assert.Equal(forward ? $"Bearer {token}" : null, seen.GetValueOrDefault("Authorization"));
        Assert.DoesNotContain(seen.Values, static value => value.Contains("root", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task AStreamCarriesTheIdentityToo(bool inQuery, bool forward)
    {
        await using var backend = new RawBackend(async (socket, _) => await socket.SendAsync(Encoding.Latin1.GetBytes(RawBackend.Accept())));
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
    public async Task AVerifiedTokenThatIsSentTwiceIsRemovedTwice()
    {
        await using var backend = await TestBackend.StartAsync(Echo.HeadersAsync);
        await using var edge = await StartAsync(backend);
        var token = TestTokens.Create();

        using var same = await edge.Public.SendAsync(Get($"{Me}?a=1&access_token={token}", token));
        using var another = await edge.Public.SendAsync(Get($"{Me}?access_token=the-api-servers&a=1", token));

        Assert.DoesNotContain("Authorization", (await HeadersAsync(same)).Keys);
        Assert.DoesNotContain("Authorization", (await HeadersAsync(another)).Keys);
        Assert.Equal([$"GET {Me}?a=1", $"GET {Me}?access_token=the-api-servers&a=1"], backend.Requests);
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

    [Fact]
    public async Task OutsideOfStreamsATokenInTheQueryIsNone()
    {
        await using var backend = await TestBackend.StartAsync(Echo.HeadersAsync);
        await using var edge = await StartAsync(backend);

        using var answer = await edge.Public.SendAsync(Get($"{Me}?access_token={TestTokens.Create()}"));

        await AssertRefusedAsync(answer, HttpStatusCode.Unauthorized, "Bearer realm=\"edge\"");
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

    [Fact]
    public async Task PoliciesByPathMayOpenCloseOrAskForAClaim()
    {
        await using var backend = await TestBackend.StartAsync(Echo.HeadersAsync);
        await using var edge = await StartAsync(
            backend,
            "Edge:Authentication:Policies:0:Path=/docs",
            "Edge:Authentication:Policies:0:Require=anonymous",
            "Edge:Authentication:Policies:1:Path=/docs/internal",
            "Edge:Authentication:Policies:1:Require=authenticated",
            "Edge:Authentication:Policies:2:Path=/api/v2/users",
            "Edge:Authentication:Policies:2:Require=claim:scope=users");
        var plain = TestTokens.Create();
        var scoped = TestTokens.Create(claims: ("scope", "read users"));

        Assert.Equal(HttpStatusCode.OK, await StatusAsync("/docs/a", null));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync("/docs/internal/a", null));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync("/docs/%69nternal", null));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync("/docsx", null));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync("/docs/internal/a", plain));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(Me, scoped));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(Me, null));
        using var forbidden = await edge.Public.SendAsync(Get(Me, plain));
        await AssertRefusedAsync(forbidden, HttpStatusCode.Forbidden, "Bearer realm=\"edge\", error=\"insufficient_scope\"");

        async Task<HttpStatusCode> StatusAsync(string path, string? token)
        {
            using var answer = await edge.Public.SendAsync(Get(path, token));
            return answer.StatusCode;
        }
    }

    [Fact]
    public async Task AnAuthoritysKeysVerifyAndWhileItIsDownTheAnswerIs503()
    {
        var clock = new ManualTimeProvider();
        var up = false;
        await using var authority = await TestBackend.StartAsync(async context =>
        {
            context.Response.StatusCode = up ? StatusCodes.Status200OK : StatusCodes.Status500InternalServerError;
            var root = $"http://{context.Request.Host}";
            await context.Response.WriteAsync(context.Request.Path == "/keys" ? TestTokens.KeySet()
                : $"{{\"issuer\":\"{TestTokens.Issuer}\",\"jwks_uri\":\"{root}/keys\"}}");
        });
        await using var backend = await TestBackend.StartAsync(Echo.HeadersAsync);
        await using var edge = await TestNode.StartAsync(
            clock,
            waitUntilReady: true,
            "Edge:Mode=edge",
            $"Edge:Backends={backend.Url}",
            $"Edge:Authentication:Jwt:Authority={authority.Url}",
            $"Edge:Authentication:Jwt:Audience={TestTokens.Audience}");
        var token = TestTokens.Create(clock.GetUtcNow(), "RS256", "alice");

        using (var unavailable = await edge.Public.SendAsync(Get(Me, token)))
        {
            Assert.Equal(HttpStatusCode.ServiceUnavailable, unavailable.StatusCode);
            Assert.Equal(TimeSpan.FromSeconds(5), unavailable.Headers.RetryAfter?.Delta);
            Assert.NotEmpty((await unavailable.Content.ReadFromJsonAsync<JsonObject>())!["message"]!.GetValue<string>());
        }

        using (var session = await edge.Public.SendAsync(With(Get(Me, token), "Coder-Session-Token", "s")))
        {
            Assert.Equal(HttpStatusCode.OK, session.StatusCode);
        }

        up = true;
        clock.Advance(TimeSpan.FromSeconds(5));
        using var verified = await edge.Public.SendAsync(Get(Me, token));
        Assert.Equal("alice", (await HeadersAsync(verified))["X-Edge-Subject"]);
        using var strange = await edge.Public.SendAsync(Get(Me, TestTokens.Create(clock.GetUtcNow(), "strange", "alice")));
        Assert.Equal(HttpStatusCode.Unauthorized, strange.StatusCode);
        using var secret = await edge.Public.SendAsync(Get(Me, TestTokens.Create(clock.GetUtcNow(), "HS256", "alice")));
        Assert.Equal(HttpStatusCode.Unauthorized, secret.StatusCode);
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

        return socket.ConnectAsync(new Uri($"ws://{edge.PublicUrl.Authority}{Terminal}{query}"), invoker, CancellationToken.None).WaitAsync(TestNode.Patience);
    }

    private static HttpRequestMessage Get(string path, string? token = null)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (token is not null)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        }

        return request;
    }

    private static HttpRequestMessage With(HttpRequestMessage request, string name, string value)
    {
        request.Headers.Add(name, value);
        return request;
    }

    private static async Task AssertRefusedAsync(HttpResponseMessage answer, HttpStatusCode status, string challenge)
    {
        Assert.Equal(status, answer.StatusCode);
        Assert.Equal(challenge, answer.Headers.WwwAuthenticate.ToString());
        Assert.Equal("application/json", answer.Content.Headers.ContentType?.MediaType);
        Assert.NotEmpty((await answer.Content.ReadFromJsonAsync<JsonObject>())!["message"]!.GetValue<string>());
    }

    private static async Task<Dictionary<string, string>> HeadersAsync(HttpResponseMessage answer)
    {
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return new Dictionary<string, string>((await answer.Content.ReadFromJsonAsync<Dictionary<string, string>>())!, StringComparer.OrdinalIgnoreCase);
    }
}
