using System.Net;
using System.Text;
using Edge.Authentication;
using Edge.Tests.Listeners;
using Microsoft.IdentityModel.Tokens;

namespace Edge.Tests.Authentication;

/// <summary>Tokens of requests: which are valid, what the API server sees of them, and the policies by path.</summary>
public sealed class EdgeAuthenticationTests : IDisposable
{
    private const string Route = "/api/v2/users/me";
    private static readonly string[] Groups = ["dev", "ops"];
    private static readonly string[] Extensions = ["http://example.com/unknown"];
    private readonly AuthenticationRig _rig = new();

    public void Dispose() => _rig.Dispose();

    [Fact]
    public async Task AVerifiedTokenIsTakenOffAndTheIdentityPutOn()
    {
        await using var host = await _rig.StartAsync();
        var seen = await host.OkAsync(Route + "?a=%20b", ("Authorization", "bearer " + _rig.Tokens.Create()), ("X-Edge-Subject", "admin"));
        Assert.Equal("user-1", seen["X-Edge-Subject"]);
        Assert.Equal(Tokens.Issuer, seen["X-Edge-Issuer"]);
        Assert.DoesNotContain("Authorization", seen.Keys);
        Assert.Equal("?a=%20b", seen["query"]);
    }

    [Fact]
    public async Task AVerifiedTokenGoesOnWhenAsked()
    {
        await using var host = await _rig.StartAsync(("ForwardToken", "true"));
        var token = _rig.Tokens.Create();
        Assert.Equal("Bearer " + token, (await host.OkAsync(Route, ("Authorization", "Bearer " + token)))["Authorization"]);
    }

    [Fact]
    public async Task TokensOfEveryConfiguredKeyAreAccepted()
    {
        await using var host = await _rig.StartAsync();
        var secret = new SymmetricSecurityKey(Tokens.Secret);
        foreach (var token in new[]
        {
            _rig.Tokens.Create(Tokens.Rsa, "PS384"), _rig.Tokens.Create(Tokens.Ec, "ES256"),
            _rig.Tokens.Create(secret, "HS256"), _rig.Tokens.Create(secret, "HS512"),
        })
        {
            Assert.Equal("user-1", (await host.OkAsync(Route, ("Authorization", "Bearer " + token)))["X-Edge-Subject"]);
        }
    }

    [Fact]
    public async Task EveryKindOfWrongTokenIs401()
    {
        await using var host = await _rig.StartAsync();
        var publicPem = Encoding.ASCII.GetBytes(Tokens.Rsa.Rsa.ExportSubjectPublicKeyInfoPem());
        var good = _rig.Tokens.Create().Split('.');
        var none = $"{Base64UrlEncoder.Encode("""{"alg":"none"}""")}.{good[1]}.";
        var wrong = new Dictionary<string, string>
        {
            ["audience"] = _rig.Tokens.Create(audience: "someone-else"),
            ["audience with a slash"] = _rig.Tokens.Create(audience: Tokens.Audience + "/"),
            ["audience in other letters"] = _rig.Tokens.Create(audience: Tokens.Audience.ToUpperInvariant()),
            ["issuer"] = _rig.Tokens.Create(issuer: "https://evil.example"),
            ["issuer with a slash"] = _rig.Tokens.Create(issuer: Tokens.Issuer + "/"),
            ["a critical extension"] = _rig.Tokens.Create(header: ("crit", Extensions)),
            ["an empty list of extensions"] = _rig.Tokens.Create(header: ("crit", Array.Empty<string>())),
            ["a list of extensions that is none"] = _rig.Tokens.Create(header: ("crit", "exp")),
            ["expired"] = _rig.Tokens.Create(minutes: -2, notBefore: -10),
            ["not yet valid"] = _rig.Tokens.Create(notBefore: 3),
            ["another key"] = _rig.Tokens.Create(Tokens.OtherRsa),
            ["alg none"] = none,
            ["alg none, signed"] = $"{none}{good[2]}",
            ["the public key as a secret"] = _rig.Tokens.Create(new SymmetricSecurityKey(publicPem), "HS256"),
            ["payload changed"] = $"{good[0]}.{Base64UrlEncoder.Encode("""{"sub":"admin","aud":"edge","exp":9999999999}""")}.{good[2]}",
            ["no subject"] = _rig.Tokens.Create(subject: null),
            ["a subject that is no header value"] = _rig.Tokens.Create(subject: "a\r\nX-Admin: 1"),
            ["a subject outside ASCII"] = _rig.Tokens.Create(subject: "jürgen"),
            ["a subject that is too long"] = _rig.Tokens.Create(subject: new string('a', 256)),
            ["no token at all"] = "abcdefghij-0123456789012345678901",
        };
        foreach (var (kind, token) in wrong)
        {
            using var response = await host.SendAsync(Route, ("Authorization", "Bearer " + token));
            Assert.True(response.StatusCode == HttpStatusCode.Unauthorized, $"{kind}: {response.StatusCode}");
            Assert.Equal("Bearer realm=\"edge\", error=\"invalid_token\"", response.Headers.WwwAuthenticate.ToString());
            Assert.Equal("The token is not valid.", await response.MessageAsync());
        }

        Assert.Equal(wrong.Count, host.Counted.Count(static counted => counted == "edge.auth.rejected/invalid"));
        Assert.Empty(host.Complaints);
    }

    [Fact]
    public async Task ATokenEndsWithItsTime()
    {
        await using var host = await _rig.StartAsync();
        var token = _rig.Tokens.Create(minutes: 5);
        await host.OkAsync(Route, ("Authorization", "Bearer " + token));
        _rig.Time.Advance(TimeSpan.FromMinutes(7));
        using var response = await host.SendAsync(Route, ("Authorization", "Bearer " + token));
        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
    }

    [Fact]
    public async Task SessionTokensAreLeftToTheApiServerUnlessSettingsSayNo()
    {
        (string, string)[][] sessions =
        [
            [("Coder-Session-Token", "s")],
            [("Cookie", "a=b; coder_session_token=s")],
            [("Coder-Session-Token", "s"), ("Authorization", "Bearer not-a-jwt")],
        ];
        await using var host = await _rig.StartAsync();
        await using var strict = await _rig.StartAsync(("RejectUnverified", "true"));
        foreach (var headers in sessions)
        {
            var seen = await host.OkAsync(Route, headers);
            Assert.DoesNotContain("X-Edge-Subject", seen.Keys);
            Assert.All(headers, header => Assert.Equal(header.Item2, seen[header.Item1]));
            using var refused = await strict.SendAsync(Route, headers);
            Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        }

        Assert.Equal("?coder_session_token=s", (await host.OkAsync(Route + "?coder_session_token=s"))["query"]);
        using var nothing = await host.SendAsync(Route);
        Assert.Equal(HttpStatusCode.Unauthorized, nothing.StatusCode);
        Assert.Equal("Bearer realm=\"edge\"", nothing.Headers.WwwAuthenticate.ToString());
        using var empty = await host.SendAsync(Route + "?coder_session_token=");
        Assert.Equal(HttpStatusCode.Unauthorized, empty.StatusCode);
    }

    [Fact]
    public async Task AStreamMayCarryItsTokenInTheQueryAndAnythingElseMayNot()
    {
        await using var host = await _rig.StartAsync();
        var path = $"{Route}?x=1&access%5Ftoken={_rig.Tokens.Create()}&y=%32&access_token=again";
        using var refused = await host.SendAsync(path);
        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);

        var answer = await host.ExchangeAsync(
            $"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close, Upgrade\r\nUpgrade: websocket\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 200", answer, StringComparison.Ordinal);
        Assert.Contains("\"query\":\"?x=1&y=%32\"", answer, StringComparison.Ordinal);
        Assert.Contains("\"X-Edge-Subject\":\"user-1\"", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("X-Edge-Subject")]
    [InlineData("x-edge-issuer")]
    [InlineData("X_Edge_Subject")]
    [InlineData("X-Edge_Issuer")]
    [InlineData("X.Edge.Subject")]
    public async Task IdentityHeadersOfClientsNeverPassAlsoWithoutTokens(string name)
    {
        await using var host = await AccessHost.StartAsync(
            static services => services.AddEdgeAuthentication(null), AuthenticationRig.Pipeline);
        var seen = await host.OkAsync(Route, (name, "admin"), ("X-Edge-Other", "stays"));
        Assert.DoesNotContain("admin", seen.Values);
        Assert.Equal("stays", seen["X-Edge-Other"]);
    }

    [Fact]
    public async Task AnIdentityHeaderCannotBeMadeHopByHop()
    {
        await using var host = await AccessHost.StartAsync(
            static services => services.AddEdgeAuthentication(null), AuthenticationRig.Pipeline);
        var answer = await host.ExchangeAsync($"GET {Route} HTTP/1.1\r\nHost: x\r\nConnection: close, X-Edge-Subject\r\n\r\n");
        Assert.Contains("\"Connection\":\"close\"", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/healthz", 200)]
    [InlineData("/HEALTHZ", 200)]
    [InlineData("/healthzz", 401)]
    [InlineData("/api/v2/buildinfo", 200)]
    [InlineData("/derp", 200)]
    [InlineData("/derp/probe", 200)]
    [InlineData("/derpx", 401)]
    [InlineData("/api/v2/workspaceagents/me/rpc", 200)]
    [InlineData("/api/v2/workspaceagents/mexico", 401)]
    [InlineData("/api/v2/workspaceagents/aws-instance-identity", 200)]
    [InlineData("/open", 200)]
    [InlineData("/open/a", 200)]
    [InlineData("/opening", 401)]
    [InlineData("/open/secret", 401)]
    [InlineData("/open/SECRET/x", 401)]
    [InlineData("/open/%73ecret", 400)]
    [InlineData("/open/../api/v2/users/me", 401)]
    [InlineData("/open/%2e%2e/api/v2/users/me", 400)]
    [InlineData("/open/..%2fapi/v2/users/me", 400)]
    [InlineData("/open//secret", 400)]
    [InlineData("//open", 400)]
    [InlineData("/open/%252e%252e/api", 400)]
    [InlineData("/open/..;/api", 400)]
    [InlineData("/open/..%5capi", 400)]
    [InlineData("/open/.%00", 400)]
    [InlineData("/", 401)]
    public async Task TheLongestPrefixDecidesAndAmbiguousPathsAreRefused(string target, int status)
    {
        await using var host = await _rig.StartAsync(
            ("Policies:0:Path", "/open/"), ("Policies:0:Require", "anonymous"),
            ("Policies:1:Path", "/open/secret"), ("Policies:1:Require", "authenticated"));
        var answer = await host.ExchangeAsync($"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        Assert.StartsWith($"HTTP/1.1 {status}", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AClaimMayBeAskedFor()
    {
        await using var host = await _rig.StartAsync(("Policies:0:Path", "/api/v2/admin"), ("Policies:0:Require", "claim:groups=ops"));
        using var without = await host.SendAsync(
            "/api/v2/admin/x", ("Authorization", "Bearer " + _rig.Tokens.Create(claims: ("groups", "dev"))));
        Assert.Equal(HttpStatusCode.Forbidden, without.StatusCode);
        Assert.Contains("insufficient_scope", without.Headers.WwwAuthenticate.ToString(), StringComparison.Ordinal);
        Assert.Equal("Forbidden.", await without.MessageAsync());
        await host.OkAsync("/api/v2/admin/x", ("Authorization", "Bearer " + _rig.Tokens.Create(claims: ("groups", Groups))));
    }
}
