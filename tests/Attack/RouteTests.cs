namespace Attack;

/// <summary>Routes of an operator's own: a request that one of them matches does not reach what another one guards.</summary>
public class RouteTests(RouteTests.Rig rig) : IClassFixture<RouteTests.Rig>
{
    [Theory]
    [InlineData("/public/..%2Fadmin")]
    [InlineData("/public/../admin")]
    [InlineData("/public/%2e%2e/admin")]
    [InlineData("/public\\..\\admin")]
    [InlineData("/public/..%5cadmin")]
    [InlineData("/admin/..%2fpublic/x")]
    public async Task APathThatLeavesItsRouteIsRefused(string target)
    {
        foreach (var form in new[] { target, "http://x" + target })
        {
            foreach (var upgrade in new[]
            {
                "",
                "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n",
            })
            {
                var outcome = await rig.SendAsync($"GET {form} HTTP/1.1\r\nHost: x\r\n{upgrade}\r\n");

                Assert.Equal([400], outcome.Statuses);
                Assert.Empty(outcome.Seen);
            }
        }
    }

    [Theory]
    [InlineData("/%70ublic/x")]
    [InlineData("/publi%63/x")]
    [InlineData("/%61dmin")]
    [InlineData("/num/%31")]
    public async Task APathThatIsOfAnotherRouteWithItsEscapesLeftIsRefused(string target)
    {
        var outcome = await rig.AttackAsync($"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n");

        Assert.Equal(400, outcome.Statuses[0]);
        Assert.DoesNotContain(outcome.SeenLines, line => line.Contains(target, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("/public/%61dmin", "/public/%61dmin")]
    [InlineData("/public/%7Ejoe?a=%62", "/public/%7Ejoe?a=%62")]
    [InlineData("/PUBLIC/a%2fb", "/PUBLIC/a%2fb")]
    [InlineData("/caf%C3%A9/x", "/caf%C3%A9/x")]
    [InlineData("/caf%c3%a9/%78", "/caf%c3%a9/%78")]
    [InlineData("/num/1", "/num/1")]
    public async Task EscapesThatChangeNothingAreForwarded(string target, string seen)
    {
        foreach (var form in new[] { target, "http://x" + target })
        {
            var outcome = await rig.AttackAsync($"GET {form} HTTP/1.1\r\nHost: x\r\n\r\n");

            Assert.Equal($"GET {seen} HTTP/1.1|", outcome.SeenLines[0]);
        }
    }

    [Theory]
    [InlineData("/removed/@types%2fcors?a=%zz", "/@types%2fcors?a=%zz")]
    [InlineData("/REMOVED/a%20b", "/a%20b")]
    [InlineData("/removed/caf%c3%a9/%", "/caf%c3%a9/%")]
    [InlineData("/removed/%252e%252e/x", "/%252e%252e/x")]
    [InlineData("/removed", "/")]
    [InlineData("/removed?a", "/?a")]
    [InlineData("/removed/", "/")]
    [InlineData("/added/@types%2fcors?", "/base%20one/added/@types%2fcors?")]
    [InlineData("/set/@types%2fcors?a=|", "/only?a=|")]
    [InlineData("/pattern/a%20b/c%2fd", "/p/a%20b/q/c%2fd")]
    [InlineData("/pattern/a/%2541", "/p/a/q/%2541")]
    [InlineData("/pattern/%252e%252e/x", "/p/%252e%252e/q/x")]
    [InlineData("/query/@types%2fcors?a=%62|", "/query/@types%2fcors?a=b%7C&b=%C3%A9%0D%0A%20x")]
    [InlineData("/query/x", "/query/x?b=%C3%A9%0D%0A%20x")]
    [InlineData("/other/@types%2fcors?a=%zz", "/other/@types%2fcors?a=%zz")]
    public async Task WhatARoutesTransformsLeaveOfAPathKeepsItsSpelling(string target, string seen)
    {
        foreach (var form in new[] { target, "http://x" + target })
        {
            foreach (var upgrade in new[]
            {
                "",
                "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n",
            })
            {
                var outcome = await rig.AttackAsync($"GET {form} HTTP/1.1\r\nHost: x\r\n{upgrade}\r\n");

                Assert.Equal($"GET {seen} HTTP/1.1|", outcome.SeenLines[0]);
            }
        }
    }

    [Theory]
    [InlineData("/based/@types%2fcors?a=%zz", "/b%C3%A4se/based/@types%2fcors?a=%zz")]
    [InlineData("/based", "/b%C3%A4se/based")]
    public async Task TheAddressOfABackendMayHaveAPath(string target, string seen)
    {
        var outcome = await rig.AttackAsync($"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n");

        Assert.Equal($"GET {seen} HTTP/1.1|", outcome.SeenLines[0]);
    }

    public sealed class Rig : AttackRig
    {
        protected override string[] Routes =>
        [
            .. Route("public", "/public/{**rest}"), .. Route("admin", "/admin/{**rest}"), .. Route("cafe", "/caf\u00e9/{**rest}"),
            .. Route("num", "/num/{id:int}"),
            .. Route("removed", "/removed/{**rest}", "PathRemovePrefix=/removed"),
            .. Route("added", "/added/{**rest}", "PathPrefix=/base one"),
            .. Route("set", "/set/{**rest}", "PathSet=/only"),
            .. Route("pattern", "/pattern/{a}/{**rest}", "PathPattern=/p/{a}/q/{**rest}"),
            .. Route("query", "/query/{**rest}", "QueryValueParameter=b", "Set=\u00e9\r\n x"),
            .. Route("other", "/other/{**rest}", "RequestHeader=X-Own", "Set=1"),
            .. Route("next", "/next"), .. Route("honest", "/honest"), .. Route("based", "/based/{**rest}"),
            "ReverseProxy:Routes:based:ClusterId=base", $"ReverseProxy:Clusters:c:Destinations:d:Address={Backend.Url}",
            $"ReverseProxy:Clusters:base:Destinations:d:Address={Backend.Url}/b\u00e4se/",
        ];

        private static string[] Route(string id, string path, params string[] transform) =>
        [
            $"ReverseProxy:Routes:{id}:ClusterId=c", $"ReverseProxy:Routes:{id}:Match:Path={path}",
            .. transform.Select(pair => $"ReverseProxy:Routes:{id}:Transforms:0:{pair}"),
        ];
    }
}
