using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace EndToEnd;

/// <summary>JSON Web Tokens of requests at the edge, as clients meet them and as the API server behind sees them.</summary>
public sealed class AuthenticationTests : IDisposable
{
    private const string Me = "/api/v2/users/me";
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
            "Edge:Authentication:Jwt:Audience=a", "Edge:Authentication:Jwt:Issuer=b",
            $"Edge:Authentication:Jwt:SigningKeys:0=base64:{Convert.ToBase64String(new byte[32])}");

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
    public async Task OutsideOfStreamsATokenInTheQueryIsNone()
    {
        await using var backend = await TestBackend.StartAsync(Echo.HeadersAsync);
        await using var edge = await StartAsync(backend);

        using var answer = await edge.Public.SendAsync(Get($"{Me}?access_token={TestTokens.Create()}"));

        await AssertRefusedAsync(answer, HttpStatusCode.Unauthorized, "Bearer realm=\"edge\"");
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
        return new Dictionary<string, string>(
            (await answer.Content.ReadFromJsonAsync<Dictionary<string, string>>())!, StringComparer.OrdinalIgnoreCase);
    }
}
