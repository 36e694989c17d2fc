using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Edge.Authentication;
using Edge.Settings;
using Edge.Tests.Listeners;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.IdentityModel.Tokens;

namespace Edge.Tests.Authentication;

public sealed class EdgeAuthenticationTests : IDisposable
{
    private const string Route = "/api/v2/users/me";
    private static readonly string[] Groups = ["dev", "ops"];
    private static readonly string[] Extensions = ["http://example.com/unknown"];
    private readonly ManualTimeProvider _time = new(DateTimeOffset.UtcNow);
    private readonly Tokens _tokens;
    private readonly string _folder = Directory.CreateTempSubdirectory("edge-auth").FullName;

    public EdgeAuthenticationTests() => _tokens = new Tokens(_time);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task AVerifiedTokenIsTakenOffAndTheIdentityPutOn()
    {
        await using var host = await StartAsync();
        var seen = await OkAsync(host, Route + "?a=%20b", ("Authorization", "bearer " + _tokens.Create()), ("X-Edge-Subject", "admin"));
        Assert.Equal("user-1", seen["X-Edge-Subject"]);
        Assert.Equal(Tokens.Issuer, seen["X-Edge-Issuer"]);
        Assert.DoesNotContain("Authorization", seen.Keys);
        Assert.Equal("?a=%20b", seen["query"]);
    }

    [Fact]
    public async Task AVerifiedTokenGoesOnWhenAsked()
    {
        await using var host = await StartAsync(("ForwardToken", "true"));
        var token = _tokens.Create();
        Assert.Equal("Bearer " + token, (await OkAsync(host, Route, ("Authorization", "Bearer " + token)))["Authorization"]);
    }

    [Fact]
    public async Task TokensOfEveryConfiguredKeyAreAccepted()
    {
        await using var host = await StartAsync();
        var secret = new SymmetricSecurityKey(Tokens.Secret);
        foreach (var token in new[]
        {
            _tokens.Create(Tokens.Rsa, "PS384"), _tokens.Create(Tokens.Ec, "ES256"),
            _tokens.Create(secret, "HS256"), _tokens.Create(secret, "HS512"),
        })
        {
            Assert.Equal("user-1", (await OkAsync(host, Route, ("Authorization", "Bearer " + token)))["X-Edge-Subject"]);
        }
    }

    [Fact]
    public async Task EveryKindOfWrongTokenIs401()
    {
        await using var host = await StartAsync();
        var publicPem = Encoding.ASCII.GetBytes(Tokens.Rsa.Rsa.ExportSubjectPublicKeyInfoPem());
        var good = _tokens.Create().Split('.');
        var none = $"{Base64UrlEncoder.Encode("""{"alg":"none"}""")}.{good[1]}.";
        var wrong = new Dictionary<string, string>
        {
            ["audience"] = _tokens.Create(audience: "someone-else"),
            ["audience with a slash"] = _tokens.Create(audience: Tokens.Audience + "/"),
            ["audience in other letters"] = _tokens.Create(audience: Tokens.Audience.ToUpperInvariant()),
            ["issuer"] = _tokens.Create(issuer: "https://evil.example"),
            ["issuer with a slash"] = _tokens.Create(issuer: Tokens.Issuer + "/"),
            ["a critical extension"] = _tokens.Create(header: ("crit", Extensions)),
            ["an empty list of extensions"] = _tokens.Create(header: ("crit", Array.Empty<string>())),
            ["a list of extensions that is none"] = _tokens.Create(header: ("crit", "exp")),
            ["expired"] = _tokens.Create(minutes: -2, notBefore: -10),
            ["not yet valid"] = _tokens.Create(notBefore: 3),
            ["another key"] = _tokens.Create(Tokens.OtherRsa),
            ["alg none"] = none,
            ["alg none, signed"] = $"{none}{good[2]}",
            ["the public key as a secret"] = _tokens.Create(new SymmetricSecurityKey(publicPem), "HS256"),
            ["payload changed"] = $"{good[0]}.{Base64UrlEncoder.Encode("""{"sub":"admin","aud":"edge","exp":9999999999}""")}.{good[2]}",
            ["no subject"] = _tokens.Create(subject: null),
            ["a subject that is no header value"] = _tokens.Create(subject: "a\r\nX-Admin: 1"),
            ["a subject outside ASCII"] = _tokens.Create(subject: "jürgen"),
            ["a subject that is too long"] = _tokens.Create(subject: new string('a', 256)),
            ["no token at all"] = "abcdefghij-0123456789012345678901",
        };
        foreach (var (kind, token) in wrong)
        {
            using var response = await SendAsync(host, Route, ("Authorization", "Bearer " + token));
            Assert.True(response.StatusCode == HttpStatusCode.Unauthorized, $"{kind}: {response.StatusCode}");
            Assert.Equal("Bearer realm=\"edge\", error=\"invalid_token\"", response.Headers.WwwAuthenticate.ToString());
            Assert.Equal("The token is not valid.", await MessageAsync(response));
        }

        Assert.Equal(wrong.Count, host.Counted.Count(static counted => counted == "edge.auth.rejected/invalid"));
        Assert.Empty(host.Complaints);
    }

    [Fact]
    public async Task ATokenEndsWithItsTime()
    {
        await using var host = await StartAsync();
        var token = _tokens.Create(minutes: 5);
        await OkAsync(host, Route, ("Authorization", "Bearer " + token));
        _time.Advance(TimeSpan.FromMinutes(7));
        using var response = await SendAsync(host, Route, ("Authorization", "Bearer " + token));
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
        await using var host = await StartAsync();
        await using var strict = await StartAsync(("RejectUnverified", "true"));
        foreach (var headers in sessions)
        {
            var seen = await OkAsync(host, Route, headers);
            Assert.DoesNotContain("X-Edge-Subject", seen.Keys);
            Assert.All(headers, header => Assert.Equal(header.Item2, seen[header.Item1]));
            using var refused = await SendAsync(strict, Route, headers);
            Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        }

        Assert.Equal("?coder_session_token=s", (await OkAsync(host, Route + "?coder_session_token=s"))["query"]);
        using var nothing = await SendAsync(host, Route);
        Assert.Equal(HttpStatusCode.Unauthorized, nothing.StatusCode);
        Assert.Equal("Bearer realm=\"edge\"", nothing.Headers.WwwAuthenticate.ToString());
        using var empty = await SendAsync(host, Route + "?coder_session_token=");
        Assert.Equal(HttpStatusCode.Unauthorized, empty.StatusCode);
    }

    [Fact]
    public async Task AStreamMayCarryItsTokenInTheQueryAndAnythingElseMayNot()
    {
        await using var host = await StartAsync();
        var path = $"{Route}?x=1&access%5Ftoken={_tokens.Create()}&y=%32&access_token=again";
        using var refused = await SendAsync(host, path);
        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);

        var answer = await host.ExchangeAsync($"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close, Upgrade\r\nUpgrade: websocket\r\n\r\n");
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
        await using var host = await AccessHost.StartAsync(static services => services.AddEdgeAuthentication(null), Pipeline);
        var seen = await OkAsync(host, Route, (name, "admin"), ("X-Edge-Other", "stays"));
        Assert.DoesNotContain("admin", seen.Values);
        Assert.Equal("stays", seen["X-Edge-Other"]);
    }

    [Fact]
    public async Task AnIdentityHeaderCannotBeMadeHopByHop()
    {
        await using var host = await AccessHost.StartAsync(static services => services.AddEdgeAuthentication(null), Pipeline);
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
        await using var host = await StartAsync(
            ("Policies:0:Path", "/open/"), ("Policies:0:Require", "anonymous"),
            ("Policies:1:Path", "/open/secret"), ("Policies:1:Require", "authenticated"));
        var answer = await host.ExchangeAsync($"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        Assert.StartsWith($"HTTP/1.1 {status}", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AClaimMayBeAskedFor()
    {
        await using var host = await StartAsync(("Policies:0:Path", "/api/v2/admin"), ("Policies:0:Require", "claim:groups=ops"));
        using var without = await SendAsync(host, "/api/v2/admin/x", ("Authorization", "Bearer " + _tokens.Create(claims: ("groups", "dev"))));
        Assert.Equal(HttpStatusCode.Forbidden, without.StatusCode);
        Assert.Contains("insufficient_scope", without.Headers.WwwAuthenticate.ToString(), StringComparison.Ordinal);
        Assert.Equal("Forbidden.", await MessageAsync(without));
        await OkAsync(host, "/api/v2/admin/x", ("Authorization", "Bearer " + _tokens.Create(claims: ("groups", Groups))));
    }

    [Fact]
    public async Task AnAuthorityThatIsDownIs503AndComesBack()
    {
        using var authority = new FakeAuthority { Down = true };
        await using var host = await StartWithAsync(authority);
        var token = _tokens.Create();
        using (var down = await SendAsync(host, Route, ("Authorization", "Bearer " + token)))
        {
            Assert.Equal(HttpStatusCode.ServiceUnavailable, down.StatusCode);
            Assert.Equal(TimeSpan.FromSeconds(5), down.Headers.RetryAfter!.Delta);
        }

        await OkAsync(host, Route, ("Authorization", "Bearer " + token), ("Coder-Session-Token", "s"));
        authority.Down = false;
        _time.Advance(AuthorityKeys.Pause);
        Assert.Equal("user-1", (await OkAsync(host, Route, ("Authorization", "Bearer " + token)))["X-Edge-Subject"]);
    }

    [Fact]
    public async Task AnUnknownKeyIsLookedForOnceAndThenRefused()
    {
        using var authority = new FakeAuthority();
        await using var host = await StartWithAsync(authority);
        await OkAsync(host, Route, ("Authorization", "Bearer " + _tokens.Create()));
        using (var unknown = await SendAsync(host, Route, ("Authorization", "Bearer " + _tokens.Create(Tokens.OtherRsa))))
        {
            Assert.Equal(HttpStatusCode.Unauthorized, unknown.StatusCode);
        }

        var symmetric = new SymmetricSecurityKey(Encoding.ASCII.GetBytes(Tokens.Rsa.Rsa.ExportSubjectPublicKeyInfoPem())) { KeyId = "rsa" };
        using var confused = await SendAsync(host, Route, ("Authorization", "Bearer " + _tokens.Create(symmetric, "HS256")));
        Assert.Equal(HttpStatusCode.Unauthorized, confused.StatusCode);
    }

    [Fact]
    public async Task ATokenOfAKeyPublishedAMomentAgoIsAccepted()
    {
        using var authority = new FakeAuthority();
        await using var host = await StartWithAsync(authority);
        await OkAsync(host, Route, ("Authorization", "Bearer " + _tokens.Create()));
        authority.Keys = [Tokens.Rsa, Tokens.OtherRsa];
        Assert.Equal("user-1", (await OkAsync(host, Route, ("Authorization", "Bearer " + _tokens.Create(Tokens.OtherRsa))))["X-Edge-Subject"]);
    }

    [Fact]
    public async Task EveryKeyOfATokensKeyIdIsTried()
    {
        var ec = new ECDsaSecurityKey(Tokens.Ec.ECDsa) { KeyId = "k1" };
        var rsa = new RsaSecurityKey(Tokens.Rsa.Rsa) { KeyId = "k1" };
        var other = new RsaSecurityKey(Tokens.OtherRsa.Rsa) { KeyId = "k1" };
        using var authority = new FakeAuthority { Keys = [ec, rsa, other] };
        await using var host = await StartWithAsync(authority);
        foreach (var token in new[] { _tokens.Create(rsa), _tokens.Create(other, "PS256"), _tokens.Create(ec, "ES256") })
        {
            Assert.Equal("user-1", (await OkAsync(host, Route, ("Authorization", "Bearer " + token)))["X-Edge-Subject"]);
        }

        authority.Keys = [ec, rsa];
        _time.Advance(AuthorityKeys.MaxAge);
        using var withdrawn = await SendAsync(host, Route, ("Authorization", "Bearer " + _tokens.Create(other)));
        Assert.Equal(HttpStatusCode.Unauthorized, withdrawn.StatusCode);
    }

    [Fact]
    public async Task AWrongSignatureOfAKnownKeyIs401AlsoWhileTheAuthorityIsDown()
    {
        using var authority = new FakeAuthority();
        await using var host = await StartWithAsync(authority);
        await OkAsync(host, Route, ("Authorization", "Bearer " + _tokens.Create()));
        authority.Down = true;
        _time.Advance(AuthorityKeys.MinRefreshInterval);
        var forged = _tokens.Create(new RsaSecurityKey(Tokens.OtherRsa.Rsa) { KeyId = Tokens.Rsa.KeyId });
        for (var i = 0; i < 2; i++)
        {
            using var response = await SendAsync(host, Route, ("Authorization", "Bearer " + forged));
            Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        }
    }

    [Theory]
    [InlineData("Policies without Jwt", "Edge:Authentication:Policies:0:Path=/a", "Edge:Authentication:Policies:0:Require=anonymous")]
    [InlineData("no keys", "Edge:Authentication:Jwt:Audience=a")]
    [InlineData("no audience", "Edge:Authentication:Jwt:Authority=https://a")]
    [InlineData("no issuer", "Edge:Authentication:Jwt:Audience=a", "Edge:Authentication:Jwt:SigningKeys:0=base64:AAAA")]
    [InlineData("both", "Edge:Authentication:Jwt:Audience=a", "Edge:Authentication:Jwt:Authority=https://a", "Edge:Authentication:Jwt:SigningKeys:0=x")]
    [InlineData("plain http", "Edge:Authentication:Jwt:Audience=a", "Edge:Authentication:Jwt:Authority=http://a.example")]
    public void WrongSettingsAreRefused(string reason, params string[] settings) =>
        Assert.True(Assert.Throws<SettingsException>(() => Read(settings)).Message.StartsWith("Edge:Authentication", StringComparison.Ordinal), reason);

    [Theory]
    [InlineData("base64:c2VjcmV0c2VjcmV0")]
    [InlineData("secretsecretsecret")]
    public void ASigningKeyNeverAppearsInAnError(string key)
    {
        var error = Assert.Throws<SettingsException>(() => Read(
            "Edge:Authentication:Jwt:Audience=a", "Edge:Authentication:Jwt:Issuer=b", "Edge:Authentication:Jwt:SigningKeys:0=" + key));
        Assert.StartsWith("Edge:Authentication:Jwt:SigningKeys:0", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(key[7..], error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/api/v2/workspaceagents/me/logs", "anonymous")]
    [InlineData("/derp", "authenticated")]
    [InlineData("/a/../b", "anonymous")]
    [InlineData("a", "anonymous")]
    [InlineData("/a", "claim:x")]
    [InlineData("/a", "nobody")]
    public void AWrongPolicyIsRefused(string path, string require) => Assert.Throws<SettingsException>(() => Read(
        "Edge:Authentication:Jwt:Audience=a", "Edge:Authentication:Jwt:Authority=https://a",
        "Edge:Authentication:Policies:0:Path=" + path, "Edge:Authentication:Policies:0:Require=" + require));

    [Fact]
    public void WithoutSettingsTheApiServerDecides() => Assert.Null(Read());

    private static EdgeJwtOptions? Read(params string[] settings) => EdgeJwtOptions.Read(new SettingsReader(
        new ConfigurationBuilder().AddInMemoryCollection(settings.Select(static setting => setting.Split('=', 2)).ToDictionary(s => s[0], s => (string?)s[1])).Build()));

    private static void Pipeline(WebApplication app)
    {
        app.UseEdgeAuthentication();
        app.Run(context => context.Response.WriteAsJsonAsync(
            context.Request.Headers.ToDictionary(static header => header.Key, static header => header.Value.ToString())
                .Append(new("query", context.Request.QueryString.Value ?? string.Empty))
                .ToDictionary(),
            Cancel));
    }

    private static async Task<Dictionary<string, string>> OkAsync(AccessHost host, string path, params (string Name, string Value)[] headers)
    {
        using var response = await SendAsync(host, path, headers);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return JsonSerializer.Deserialize<Dictionary<string, string>>(await response.Content.ReadAsStringAsync(Cancel))!;
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

    private static async Task<string> MessageAsync(HttpResponseMessage response)
    {
        using var json = JsonDocument.Parse(await response.Content.ReadAsStringAsync(Cancel));
        return json.RootElement.GetProperty("message").GetString()!;
    }

    private Task<AccessHost> StartAsync(params (string Name, string Value)[] more)
    {
        var rsa = Path.Combine(_folder, "rsa.pem");
        var ec = Path.Combine(_folder, "ec.pem");
        File.WriteAllText(rsa, Tokens.Rsa.Rsa.ExportSubjectPublicKeyInfoPem());
        File.WriteAllText(ec, Tokens.Ec.ECDsa.ExportSubjectPublicKeyInfoPem());
        const string Jwt = "Edge:Authentication:Jwt:";
        var options = Read(
        [
            $"{Jwt}Audience={Tokens.Audience}", $"{Jwt}Issuer={Tokens.Issuer}",
            $"{Jwt}SigningKeys:0={rsa}", $"{Jwt}SigningKeys:1={ec}", $"{Jwt}SigningKeys:2=base64:{Convert.ToBase64String(Tokens.Secret)}",
            .. more.Select(setting => (setting.Name.StartsWith("Policies", StringComparison.Ordinal) ? "Edge:Authentication:" : Jwt) + $"{setting.Name}={setting.Value}"),
        ]);
        return AccessHost.StartAsync(services => services.AddEdgeAuthentication(options), Pipeline, time: _time);
    }

    private Task<AccessHost> StartWithAsync(FakeAuthority authority)
    {
        var options = Read($"Edge:Authentication:Jwt:Audience={Tokens.Audience}", "Edge:Authentication:Jwt:Authority=https://issuer.example")!;
        return AccessHost.StartAsync(
            services =>
            {
                services.AddEdgeAuthentication(options);
                services.AddSingleton(new AuthorityKeys(options, _time, Microsoft.Extensions.Logging.Abstractions.NullLogger<AuthorityKeys>.Instance, authority));
            },
            Pipeline,
            time: _time);
    }

    /// <summary>Answers for an identity provider, in the place of the network.</summary>
    private sealed class FakeAuthority : HttpMessageHandler
    {
        public bool Down { get; set; }

        public SecurityKey[] Keys { get; set; } = [Tokens.Rsa];

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (Down)
            {
                throw new HttpRequestException("unreachable");
            }

            object body = request.RequestUri!.AbsolutePath.EndsWith("openid-configuration", StringComparison.Ordinal)
                ? new Dictionary<string, string> { ["issuer"] = Tokens.Issuer, ["jwks_uri"] = "https://issuer.example/keys" }
                : new { keys = Keys.Select(Published) };
            return Task.FromResult(new HttpResponseMessage(HttpStatusCode.OK)
            {
                Content = new StringContent(JsonSerializer.Serialize(body), new MediaTypeHeaderValue("application/json")),
            });
        }

        private static Dictionary<string, string> Published(SecurityKey key)
        {
            var published = new Dictionary<string, string> { ["use"] = "sig", ["kid"] = key.KeyId };
            if (key is ECDsaSecurityKey ec)
            {
                var point = ec.ECDsa.ExportParameters(false).Q;
                (published["kty"], published["crv"]) = ("EC", "P-256");
                (published["x"], published["y"]) = (Base64UrlEncoder.Encode(point.X), Base64UrlEncoder.Encode(point.Y));
            }
            else
            {
                var parameters = ((RsaSecurityKey)key).Rsa.ExportParameters(false);
                published["kty"] = "RSA";
                (published["n"], published["e"]) = (Base64UrlEncoder.Encode(parameters.Modulus), Base64UrlEncoder.Encode(parameters.Exponent));
            }

            return published;
        }
    }
}
