using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Attack;

/// <summary>
/// Paths that the edge could take for open ones and the API server for guarded ones: <c>/open</c> is anonymous, <c>/admin</c> needs a
/// claim, and all else a token; <c>/derp</c> and <c>/api/v2/workspaceagents/me</c> have no policy.
/// </summary>
public class PathTests(PathTests.Rig rig) : IClassFixture<PathTests.Rig>
{
    public static TheoryData<string, string> Tricks { get; } = new(
        from start in new[] { "/open", "/derp", "/api/v2/workspaceagents/me", "/healthz" }
        from trick in new[]
        {
            "/../admin", "/%2e%2e/admin", "/%2E%2e/admin", "/.%2e/admin", "/..%2fadmin", "/%2e%2e%2fadmin", "/..%5cadmin", "/..\\admin",
            "\\..\\admin", "/..;/admin", "/..;a=b/admin", "/%2e%2e;/admin", "/..%3b/admin", "/.;/../admin", ";/../admin",
            "/%252e%252e/admin", "/..%252fadmin", "/%c0%ae%c0%ae/admin", "/..%c0%afadmin", "/..%00/admin", "/..%09/admin", "/..%0a/admin",
            "/..%0d%0a/admin", "/.%0d./admin", "/../../../../admin", "//../admin", "/.//../admin", "/./../admin", "/a/../../admin",
            "/a/%2e%2e/%2e%2e/admin", "/../ADMIN", "/../%61dmin", "/..%2f..%2fadmin", "/%u002e%u002e/admin",
            "/%2e%2e%5cadmin", "%2f..%2fadmin", "/..?/../admin", "/..#/../admin", "/%2e%2e?x", "/..%3f/../admin", "/..%23/../admin",
        }
        select ("GET", start + trick));

    public static TheoryData<string> Others { get; } =
    [
        "//admin", "/%2fadmin", "/./admin", "/;/admin", "/;a/admin", "\\admin", "/\\admin", "/%5cadmin", "/Admin", "/ADMIN", "/%41dmin",
        "/admin/", "/admin//", "/admin/.", "/admin/x/..", "/admin;a=b", "/admin%3b", "/admin%00", "/admin.", "/admin%20", "/admin%2e",
        "/admin%2f", "/admin%09", "/admin?x", "/admin%3fx", "/admin#x", "/x/../admin", "/x/%2e%2e/admin",
        "http://x/admin", "http://x//admin", "http://x/open/../admin", "http://x/open/%2e%2e/admin", "http://x\\admin", "/%61%64%6d%69%6e",
        "/%2561dmin", "/adm%c4%b1n", "/\u00e4/../admin",
    ];

    [Theory]
    [MemberData(nameof(Tricks))]
    public async Task NoTrickLeadsFromAnOpenPathToAGuardedOne(string method, string target)
    {
        var outcome = await rig.AttackAsync($"{method} {target} HTTP/1.1\r\nHost: x\r\n\r\n");

        AssertOnly(outcome, static path => path is "/open" or "/derp" or "/healthz" or "/api/v2/workspaceagents/me"
            || path.StartsWith("/open/", StringComparison.Ordinal) || path.StartsWith("/derp/", StringComparison.Ordinal)
            || path.StartsWith("/healthz/", StringComparison.Ordinal)
            || path.StartsWith("/api/v2/workspaceagents/me/", StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Others))]
    public async Task WithATokenButNotTheClaimNoSpellingOfAdminIsServed(string target)
    {
        var outcome = await rig.AttackAsync($"GET {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {rig.Token(role: "user")}\r\n\r\n");

        // The rest of what a token opens is not at stake here.
        AssertOnly(outcome, static path => !(path == "/admin" || path.StartsWith("/admin/", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("/%6fpen/x")]
    [InlineData("/ope%6E")]
    [InlineData("/d%65rp/x")]
    [InlineData("/api/v2/workspaceagents/%6de/x")]
    public async Task APathThatIsOfAnotherPolicyWithItsEscapesLeftIsRefused(string target)
    {
        var outcome = await rig.AttackAsync($"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n");

        Assert.Equal(400, outcome.Statuses[0]);
        Assert.DoesNotContain(outcome.SeenLines, line => line.Contains(target, StringComparison.Ordinal));
    }

    [Fact]
    public async Task TheClaimOpensAndAForgedOneDoesNot()
    {
        var admin = await rig.AttackAsync(
            $"GET /admin/x HTTP/1.1\r\nHost: x\r\nX-Edge-Subject: root\r\nAuthorization: Bearer {rig.Token(role: "admin")}\r\n\r\n");
        Assert.Equal(200, admin.Statuses[0]);
        Assert.Equal("GET /admin/x HTTP/1.1|", admin.SeenLines[0]);
        Assert.Contains("\r\nX-Edge-Subject: user-1\r\n", admin.Seen[0], StringComparison.Ordinal);
        Assert.DoesNotMatch("(?i)root|bearer|Authorization", admin.Seen[0]);

        foreach (var forged in new[]
        {
            rig.Token("admin", "HS256", new byte[32]), rig.Token("admin", "none", []), rig.Token("admin").Split('.')[0] + ".",
        })
        {
            var outcome = await rig.AttackAsync($"GET /admin/x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {forged}\r\n\r\n");
            Assert.Equal(401, outcome.Statuses[0]);
            Assert.DoesNotContain(outcome.SeenLines, static line => line.Contains("/admin", StringComparison.Ordinal));
        }
    }

    /// <summary>Every reading that a server could make of the forwarded path is allowed by the policy that the edge applied.</summary>
    private static void AssertOnly(Outcome outcome, Func<string, bool> allowed)
    {
        foreach (var line in outcome.SeenLines)
        {
            var target = line.Split(' ')[1];
            Assert.All(
                PathReadings.Of(target),
                reading => Assert.True(allowed(reading), $"{target} may be read as {reading}; {outcome.Answer}"));
        }
    }

    public sealed class Rig : AttackRig
    {
        private readonly byte[] _secret = RandomNumberGenerator.GetBytes(32);

        protected override string[] Settings =>
        [
            "Edge:Authentication:Jwt:Audience=edge", "Edge:Authentication:Jwt:Issuer=https://issuer.example",
            $"Edge:Authentication:Jwt:SigningKeys:0=base64:{Convert.ToBase64String(_secret)}",
            "Edge:Authentication:Policies:0:Path=/open", "Edge:Authentication:Policies:0:Require=anonymous",
            "Edge:Authentication:Policies:1:Path=/admin", "Edge:Authentication:Policies:1:Require=claim:role=admin",
            "Edge:Authentication:Policies:2:Path=/honest", "Edge:Authentication:Policies:2:Require=anonymous",
        ];

        public string Token(string role, string algorithm = "HS256", byte[]? secret = null)
        {
            var content = Encode(new { alg = algorithm, typ = "JWT" }) + "." + Encode(new
            {
                iss = "https://issuer.example",
                aud = "edge",
                sub = "user-1",
                role,
                exp = DateTimeOffset.UtcNow.AddMinutes(5).ToUnixTimeSeconds(),
            });
            return $"{content}.{(secret is [] ? "" : Base64(HMACSHA256.HashData(secret ?? _secret, Encoding.ASCII.GetBytes(content))))}";
        }

        private static string Encode(object part) => Base64(JsonSerializer.SerializeToUtf8Bytes(part));

        private static string Base64(byte[] bytes) => System.Buffers.Text.Base64Url.EncodeToString(bytes);
    }
}
