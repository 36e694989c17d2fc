namespace Attack;

/// <summary>
/// The edge drops the headers that <c>Connection</c> names, because they are hop-by-hop. Headers that the edge itself needs or sets stay.
/// </summary>
public class ConnectionOptionTests(ConnectionOptionTests.Rig rig) : IClassFixture<ConnectionOptionTests.Rig>
{
    private const string Upgrade = "Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        + "Sec-WebSocket-Protocol: chat\r\n";

    [Theory]
    [InlineData("Connection: close, X-Secret\r\nX-Secret: named")]
    [InlineData("Connection: x-secret , close\r\nX-SECRET: named\r\nX-Secret: named")]
    [InlineData("Connection: close\r\nConnection: X-Secret\r\nX-Secret: named")]
    [InlineData("Connection: \"\", ,X-Secret,, (odd) \r\nX-Secret: named")]
    [InlineData("Connection: X-Secret, Content-Type, Accept, User-Agent\r\nX-Secret: named\r\nContent-Type: named\r\nAccept: named\r\n"
        + "User-Agent: named")]
    [InlineData("Connection: X_Secret\r\nX_Secret: named")]
    public async Task ANamedHeaderStaysBehind(string fields)
    {
        foreach (var upgrade in new[] { "", "Connection: Upgrade\r\n" + Upgrade })
        {
            var outcome = await rig.SendAsync($"GET /attack HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{upgrade}{fields}\r\n\r\n");

            Assert.Equal([200], outcome.Statuses);
            Assert.DoesNotContain("named", Assert.Single(outcome.Seen), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("Host: x")]
    [InlineData("Authorization: Basic YTpi")]
    [InlineData("Cookie: a=b")]
    [InlineData("Coder-Session-Token: t")]
    [InlineData("Coder-External-Proxy-Token: t")]
    [InlineData("X-Request-ID: r-1")]
    [InlineData("Content-Length: 4", "POST")]
    [InlineData("Transfer-Encoding: chunked", "POST")]
    public async Task WhatTheEdgeItselfReadsCannotBeTakenAway(string field, string method = "GET")
    {
        var name = field[..field.IndexOf(':', StringComparison.Ordinal)];
        var body = name == "Content-Length" ? "body" : name == "Transfer-Encoding" ? "4\r\nbody\r\n0\r\n\r\n" : "";
        var outcome = await rig.SendAsync(
            $"{method} /attack HTTP/1.1\r\n{(name == "Host" ? "" : "Host: x\r\n")}{field}\r\nConnection: close, {name}\r\n\r\n{body}");

        Assert.Equal([200], outcome.Statuses);
        Assert.Contains($"\r\n{field}\r\n", Assert.Single(outcome.Seen), StringComparison.Ordinal);
        Assert.EndsWith("\r\n\r\n" + body, outcome.Seen[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnUpgradeKeepsItsOwnHeaders()
    {
        var outcome = await rig.SendAsync(
            $"GET /attack HTTP/1.1\r\nHost: x\r\n{Upgrade}Connection: Upgrade, close, Sec-WebSocket-Key, Sec-WebSocket-Version, "
                + "Sec-WebSocket-Protocol\r\n\r\n");

        foreach (var field in Upgrade.Split("\r\n", StringSplitOptions.RemoveEmptyEntries))
        {
            Assert.Contains($"\r\n{field}\r\n", Assert.Single(outcome.Seen), StringComparison.Ordinal);
        }

        Assert.Contains("\r\nConnection: Upgrade\r\n", outcome.Seen[0], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("GET", "1.1", "X-Secret", false, true)]
    [InlineData("GET", "1.1", "keep-alive, X-Secret", false, true)]
    [InlineData("GET", "1.1", "Upgrade, X-Secret", true, true)]
    [InlineData("GET", "1.1", "X-Secret, keep-alive, upgrade", true, true)]
    [InlineData("GET", "1.1", "close, X-Secret", false, false)]
    [InlineData("POST", "1.1", "X-Secret", false, true)]
    [InlineData("GET", "1.0", "X-Secret", false, false)]
    [InlineData("GET", "1.0", "Upgrade, X-Secret", false, false)]
    [InlineData("GET", "1.0", "keep-alive, X-Secret", false, true)]
    public async Task ANamedHeaderMakesNoUpgradeAndKeepsNoConnection(
        string method, string version, string options, bool isUpgrade, bool isKept)
    {
        var body = method == "POST" ? "Content-Length: 4\r\n\r\nbody" : "\r\n";
        var outcome = await rig.AttackAsync(
            $"{method} /attack HTTP/{version}\r\nHost: x\r\nX-Secret: named\r\n{Upgrade}Connection: {options}\r\n{body}");

        Assert.Equal(isKept ? 2 : 1, outcome.Seen.Length);
        Assert.Equal(isKept ? 2 : 1, outcome.Statuses.Length);
        Assert.DoesNotContain("named", outcome.Seen[0], StringComparison.Ordinal);
        Assert.Equal(isUpgrade, outcome.Seen[0].Contains("\r\nUpgrade: websocket\r\n", StringComparison.Ordinal));
    }

    [Fact]
    public async Task WhatTheEdgeOrAnOperatorSetsCannotBeTakenAway()
    {
        var outcome = await rig.SendAsync(
            "GET /attack HTTP/1.1\r\nHost: x\r\nX-Operator: forged\r\nX-Forwarded-For: forged\r\n"
                + "Connection: close, X-Operator, X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host\r\n\r\n");

        var request = Assert.Single(outcome.Seen);
        Assert.Contains("\r\nX-Operator: own\r\n", request, StringComparison.Ordinal);
        Assert.Contains("\r\nX-Forwarded-For: 127.0.0.1\r\n", request, StringComparison.Ordinal);
        Assert.Contains("\r\nX-Forwarded-Proto: http\r\n", request, StringComparison.Ordinal);
        Assert.Contains("\r\nX-Forwarded-Host: x\r\n", request, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhatATrustedProxySaysOfTheClientCannotBeTakenAway()
    {
        await using var backend = new RecordingBackend();
        await using var edge = await TestNode.StartAsync("Edge:Mode=edge", $"Edge:Backends={backend.Url}", "Edge:TrustedProxies=127.0.0.1");
        using var proxy = await RawClient.ConnectAsync(edge.PublicUrl);

        await proxy.SendAsync(
            "GET /a HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Host: y\r\n"
                + "Connection: close, X-Forwarded-For, X-Forwarded-Host\r\n\r\n");
        await proxy.ReceiveAllAsync();

        Assert.Contains("\r\nX-Forwarded-For: 192.0.2.1\r\n", Assert.Single(backend.Seen), StringComparison.Ordinal);
        Assert.Contains("\r\nX-Forwarded-Host: y\r\n", backend.Seen[0], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("close, X-Secret, Content-Type, (odd), Content-Length, Transfer-Encoding")]
    [InlineData("x-secret,content-type")]
    public async Task AnAnswersNamedHeaderStaysBehindToo(string options)
    {
        await using var backend = new RecordingBackend(_ => new Answer(
            $"HTTP/1.1 200 OK\r\nConnection: {options}\r\nX-Secret: named\r\nContent-Type: named\r\nX-Open: 1\r\n"
                + "Content-Length: 2\r\n\r\nok", Close: true));
        await using var edge = await TestNode.StartAsync("Edge:Mode=edge", $"Edge:Backends={backend.Url}");
        foreach (var upgrade in new[] { "", "Connection: Upgrade\r\n" + Upgrade })
        {
            using var client = await RawClient.ConnectAsync(edge.PublicUrl);
            await client.SendAsync($"GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{upgrade}\r\n");
            var answer = await client.ReceiveAllAsync();

            Assert.Contains("\r\nX-Open: 1\r\n", answer, StringComparison.Ordinal);
            Assert.Contains("\r\nContent-Length: 2\r\n", answer, StringComparison.Ordinal);
            Assert.EndsWith("\r\n\r\nok", answer, StringComparison.Ordinal);
            Assert.DoesNotContain("named", answer, StringComparison.Ordinal);
        }
    }

    public sealed class Rig : AttackRig
    {
        protected override string[] Routes =>
        [
            "ReverseProxy:Routes:r:ClusterId=c", "ReverseProxy:Routes:r:Match:Path=/{**rest}",
            $"ReverseProxy:Clusters:c:Destinations:d:Address={Backend.Url}", "ReverseProxy:Routes:r:Transforms:0:RequestHeader=X-Operator",
            "ReverseProxy:Routes:r:Transforms:0:Set=own",
        ];
    }
}
