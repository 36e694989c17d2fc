namespace Attack;

/// <summary>Request lines and headers that servers read differently.</summary>
public class HeadTests(AttackRig rig) : IClassFixture<AttackRig>
{
    public static TheoryData<string, string> Refused { get; } = new()
    {
        { "bare line feed after the request line", "GET /attack HTTP/1.1\nHost: x\r\n\r\n" },
        { "bare line feed after a header", "GET /attack HTTP/1.1\r\nHost: x\nX: y\r\n\r\n" },
        { "bare line feeds throughout", "GET /attack HTTP/1.1\nHost: x\n\n" },
        { "bare line feed as the last line", "GET /attack HTTP/1.1\r\nHost: x\r\n\n" },
        { "bare carriage return in a value", "GET /attack HTTP/1.1\r\nHost: x\r\nX: a\rb\r\n\r\n" },
        { "bare carriage return before a forged header", "GET /attack HTTP/1.1\r\nHost: x\r\nX: a\rX-Edge-Subject: root\r\n\r\n" },
        { "bare carriage return as a line's end", "GET /attack HTTP/1.1\rHost: x\r\n\r\n" },
        { "two carriage returns", "GET /attack HTTP/1.1\r\nHost: x\r\r\n\r\n" },
        { "null in a value", "GET /attack HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n" },
        { "null in a name", "GET /attack HTTP/1.1\r\nHost: x\r\nX\0: a\r\n\r\n" },
        { "null in the target", "GET /att\0ack HTTP/1.1\r\nHost: x\r\n\r\n" },
        { "escaped null in the target", "GET /att%00ack HTTP/1.1\r\nHost: x\r\n\r\n" },
        { "folded header", "GET /attack HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n" },
        { "folded with a tab", "GET /attack HTTP/1.1\r\nHost: x\r\nX: a\r\n\tb\r\n\r\n" },
        { "folded first header", "GET /attack HTTP/1.1\r\n Host: x\r\nHost: x\r\n\r\n" },
        { "space before the colon", "GET /attack HTTP/1.1\r\nHost: x\r\nX : y\r\n\r\n" },
        { "space in a name", "GET /attack HTTP/1.1\r\nHost: x\r\nX Y: z\r\n\r\n" },
        { "no name", "GET /attack HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n" },
        { "no colon", "GET /attack HTTP/1.1\r\nHost: x\r\nnonsense\r\n\r\n" },
        { "high byte in a name", "GET /attack HTTP/1.1\r\nHost: x\r\nX\u00e4: y\r\n\r\n" },
        { "no Host", "GET /attack HTTP/1.1\r\n\r\n" },
        { "two Hosts", "GET /attack HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n" },
        { "the same Host twice", "GET /attack HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n" },
        { "Host with user information", "GET /attack HTTP/1.1\r\nHost: admin@x\r\n\r\n" },
        { "Host with a space", "GET /attack HTTP/1.1\r\nHost: x y\r\n\r\n" },
        { "Host with a comma", "GET /attack HTTP/1.1\r\nHost: x, y\r\n\r\n" },
        { "Host with a path", "GET /attack HTTP/1.1\r\nHost: x/y\r\n\r\n" },
        { "Host with a query", "GET /attack HTTP/1.1\r\nHost: x?y\r\n\r\n" },
        { "Host with a fragment", "GET /attack HTTP/1.1\r\nHost: x#y\r\n\r\n" },
        { "Host with a backslash", "GET /attack HTTP/1.1\r\nHost: x\\y\r\n\r\n" },
        { "Host with a port that is none", "GET /attack HTTP/1.1\r\nHost: x:y\r\n\r\n" },
        { "Host with two ports", "GET /attack HTTP/1.1\r\nHost: x:1:2\r\n\r\n" },
        { "Host with a broken bracket", "GET /attack HTTP/1.1\r\nHost: [::1\r\n\r\n" },
        { "Host with a quote", "GET /attack HTTP/1.1\r\nHost: x\"y\r\n\r\n" },
        { "Host with a high byte", "GET /attack HTTP/1.1\r\nHost: \u00e4\r\n\r\n" },
        { "absolute form against another Host", "GET http://evil/attack HTTP/1.1\r\nHost: x\r\n\r\n" },
        { "absolute form against another port", "GET http://x:81/attack HTTP/1.1\r\nHost: x\r\n\r\n" },
        { "absolute form without a Host", "GET http://x/attack HTTP/1.1\r\n\r\n" },
        { "absolute form of another scheme", "GET file://x/attack HTTP/1.1\r\nHost: x\r\n\r\n" },
        { "authority form without CONNECT", "GET x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n" },
        { "asterisk form without OPTIONS", "GET * HTTP/1.1\r\nHost: x\r\n\r\n" },
        { "asterisk form, which an HTTP client cannot send on", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n" },
        { "absolute form of the asterisk", "OPTIONS http://x HTTP/1.1\r\nHost: x\r\n\r\n" },
        { "fragment", "GET http://x/attack?a#b HTTP/1.1\r\nHost: x\r\n\r\n" },
        { "CONNECT with chunks", "CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" },
        { "CONNECT", "CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n" },
        { "CONNECT of a path", "CONNECT /attack HTTP/1.1\r\nHost: x\r\n\r\n" },
        { "CONNECT with a body", "CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\nContent-Length: 4\r\n\r\nbody" },
        { "HTTP/0.9", "GET /attack\r\n" },
        { "HTTP/0.9 by name", "GET /attack HTTP/0.9\r\nHost: x\r\n\r\n" },
        { "HTTP/1.2", "GET /attack HTTP/1.2\r\nHost: x\r\n\r\n" },
        { "HTTP/2.0 in words", "GET /attack HTTP/2.0\r\nHost: x\r\n\r\n" },
        { "HTTP/11", "GET /attack HTTP/11\r\nHost: x\r\n\r\n" },
        { "lower-case version", "GET /attack http/1.1\r\nHost: x\r\n\r\n" },
        { "space after the version", "GET /attack HTTP/1.1 \r\nHost: x\r\n\r\n" },
        { "two versions", "GET /attack HTTP/1.1 HTTP/1.1\r\nHost: x\r\n\r\n" },
        { "two spaces", "GET  /attack HTTP/1.1\r\nHost: x\r\n\r\n" },
        { "tab between the words", "GET\t/attack\tHTTP/1.1\r\nHost: x\r\n\r\n" },
        { "space before the method", " GET /attack HTTP/1.1\r\nHost: x\r\n\r\n" },
        { "method that is no token", "G(T /attack HTTP/1.1\r\nHost: x\r\n\r\n" },
        { "target without a slash", "GET attack HTTP/1.1\r\nHost: x\r\n\r\n" },
        { "target with a high byte", "GET /\u00e4 HTTP/1.1\r\nHost: x\r\n\r\n" },
        { "preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u0004\0\0\0\0\0" },
        { "TLS", "\u0016\u0003\u0001\u0002\0\u0001\0\u0001\u00fc\u0003\u0003" + new string('a', 200) },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public async Task AHeadOfTwoMeaningsIsRefused(string name, string request)
    {
        Assert.NotEmpty(name);
        var outcome = await rig.AttackAsync(request);

        outcome.IsRefused();
        await rig.ServesAsync();
    }

    [Fact]
    public async Task AnOrdinaryRequestIsForwardedByteForByteLikeThis()
    {
        var outcome = await rig.SendAsync("GET /a?b=%2F HTTP/1.1\r\nHost: x:8080\r\nX-Request-ID: r-1\r\nx-own: 1\r\nX-Own: 2\r\n"
            + "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\nConnection: close\r\nKeep-Alive: 5\r\n"
            + "TE: trailers\r\nProxy-Connection: keep-alive\r\nUpgrade: h9\r\n\r\n");

        var request = Assert.Single(outcome.Seen);
        var lines = request.Split("\r\n");
        Assert.Equal("GET /a?b=%2F HTTP/1.1", lines[0]);
        Assert.Equal(
            ["", "", "Host: x:8080", "X-Forwarded-For: 127.0.0.1", "X-Forwarded-Host: x:8080", "X-Forwarded-Proto: http",
                "X-Request-ID: r-1",
                "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "x-own: 1, 2"],
            lines[1..].Order(StringComparer.Ordinal).ToArray());
    }

    [Theory]
    [InlineData("GET http://x/attack HTTP/1.1\r\nHost: x\r\n\r\n", "GET /attack HTTP/1.1|")]
    [InlineData("GET http://admin@x/attack HTTP/1.1\r\nHost: x\r\n\r\n", "GET /attack HTTP/1.1|")]
    [InlineData("TRACE /attack HTTP/1.1\r\nHost: x\r\n\r\n", "TRACE /attack HTTP/1.1|")]
    [InlineData("GET http://X/attack?a HTTP/1.1\r\nHost: x\r\n\r\n", "GET /attack?a HTTP/1.1|")]
    [InlineData("\r\nGET /attack HTTP/1.1\r\nHost: x\r\n\r\n", "GET /attack HTTP/1.1|")]
    [InlineData("get /attack HTTP/1.1\r\nHost: x\r\n\r\n", "GET /attack HTTP/1.1|")]
    [InlineData("BREW /attack HTTP/1.1\r\nHost: x\r\n\r\n", "BREW /attack HTTP/1.1|")]
    [InlineData("GET /attack HTTP/1.1\r\nHost: \r\n\r\n", "GET /attack HTTP/1.1|")]
    public async Task WhatHasOneMeaningIsForwardedInThatMeaning(string request, string seen)
    {
        var outcome = await rig.AttackAsync(request);

        Assert.Equal([200, 200], outcome.Statuses);
        Assert.Equal([seen, AttackRig.NextLine], outcome.SeenLines);
        await rig.ServesAsync();
    }

    [Theory]
    [InlineData("X-Edge-Subject\u0001")]
    [InlineData("X-Edge-Subject\u007f")]
    [InlineData("X-Edge-Subject(1)")]
    [InlineData("X-Edge-Subject\"")]
    [InlineData("[X-Edge-Subject]")]
    public async Task AHeaderWhoseNameIsNoneStaysBehind(string name)
    {
        var outcome = await rig.AttackAsync($"GET /attack HTTP/1.1\r\nHost: x\r\n{name}: root\r\n\r\n");

        Assert.Equal(["GET /attack HTTP/1.1|", AttackRig.NextLine], outcome.SeenLines);
        Assert.DoesNotContain("root", outcome.Seen[0], StringComparison.Ordinal);
        await rig.ServesAsync();
    }

    [Fact]
    public async Task WithHttp10TheConnectionEndsAfterTheAnswerUnlessTheClientAsksOtherwise()
    {
        var ended = await rig.AttackAsync("GET /attack HTTP/1.0\r\nHost: x\r\n\r\n");
        Assert.Equal([200], ended.Statuses);
        Assert.Equal(["GET /attack HTTP/1.1|"], ended.SeenLines);

        var kept = await rig.AttackAsync("GET /attack HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n");
        Assert.Equal([200, 200], kept.Statuses);
        Assert.Equal(["GET /attack HTTP/1.1|", AttackRig.NextLine], kept.SeenLines);
    }

    [Theory]
    [InlineData("Expect: 100-continue\r\nContent-Length: 4\r\n\r\nbody", new[] { 200, 200 })]
    [InlineData("Expect: nonsense\r\nContent-Length: 4\r\n\r\nbody", new[] { 200, 200 })]
    public async Task AnExpectationDoesNotLoseTheBody(string rest, int[] statuses)
    {
        var outcome = await rig.AttackAsync($"POST /attack HTTP/1.1\r\nHost: x\r\n{rest}");

        Assert.Equal(statuses, outcome.Statuses);
        Assert.Equal(["POST /attack HTTP/1.1|body", AttackRig.NextLine], outcome.SeenLines);
        await rig.ServesAsync();
    }

    [Fact]
    public async Task HeaderBytesAboveAsciiDoNotMakeTheBackendLookBroken()
    {
        // More than the health check's smallest sample, each with a value that no ASCII header can hold.
        for (var i = 0; i < 30; i++)
        {
            await rig.AttackAsync($"GET /attack HTTP/1.1\r\nHost: x\r\nX-Text: \u00c4\u0080\u00f0\u009f\u0098\u0080\r\n\r\n");
            await rig.AttackAsync($"GET /attack HTTP/1.1\r\nHost: x\r\nX-Text: \u00ff\u00fe\r\n\r\n");
        }

        await rig.ServesAsync();
    }
}
