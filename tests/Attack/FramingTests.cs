namespace Attack;

/// <summary>Request smuggling: bodies whose end two servers could see in different places.</summary>
public class FramingTests(AttackRig rig) : IClassFixture<AttackRig>
{
    private const string Smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";

    public static TheoryData<string, string> RefusedHeads { get; } = new()
    {
        { "length before chunked", "Content-Length: 4\r\nTransfer-Encoding: chunked" },
        { "chunked before length", "Transfer-Encoding: chunked\r\nContent-Length: 4" },
        { "length of zero and chunked", "Content-Length: 0\r\nTransfer-Encoding: chunked" },
        { "lower case", "content-length: 4\r\ntransfer-encoding: chunked" },
        { "upper case", "CONTENT-LENGTH: 4\r\nTRANSFER-ENCODING: CHUNKED" },
        { "several lengths and chunked", "Content-Length: 4\r\nContent-Length: 4\r\nTransfer-Encoding: chunked" },
        { "space before the colon", "Transfer-Encoding : chunked" },
        { "tab before the colon", "Transfer-Encoding\t: chunked" },
        { "space before the name", "X: y\r\n Transfer-Encoding: chunked" },
        { "x before chunked", "Transfer-Encoding: xchunked" },
        { "chunked, identity", "Transfer-Encoding: chunked, identity" },
        { "identity, chunked", "Transfer-Encoding: identity, chunked" },
        { "identity", "Transfer-Encoding: identity" },
        { "gzip, chunked", "Transfer-Encoding: gzip, chunked" },
        { "gzip", "Transfer-Encoding: gzip" },
        { "chunked twice in one field", "Transfer-Encoding: chunked, chunked" },
        { "chunked twice in two fields", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked" },
        { "chunked and identity in two fields", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity" },
        { "identity and chunked in two fields", "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked" },
        { "empty and chunked in two fields", "Transfer-Encoding: \r\nTransfer-Encoding: chunked" },
        { "empty", "Transfer-Encoding: " },
        { "empty list element", "Transfer-Encoding: , chunked" },
        { "folded value", "Transfer-Encoding:\r\n chunked" },
        { "folded after the value", "Transfer-Encoding: chunked\r\n , identity" },
        { "quoted", "Transfer-Encoding: \"chunked\"" },
        { "parameter", "Transfer-Encoding: chunked;q=1" },
        { "vertical tab", "Transfer-Encoding: \vchunked" },
        { "form feed", "Transfer-Encoding: chunked\f" },
        { "null", "Transfer-Encoding: chunked\0" },
        { "carriage return", "Transfer-Encoding: \rchunked" },
        { "line feed", "X: y\nTransfer-Encoding: chunked" },
        { "no-break space", "Transfer-Encoding: \u00a0chunked" },
        { "two lengths that differ", "Content-Length: 4\r\nContent-Length: 5" },
        { "two lengths that are the same", "Content-Length: 4\r\nContent-Length: 4" },
        { "list of the same length", "Content-Length: 4, 4" },
        { "list of lengths", "Content-Length: 4, 5" },
        { "plus", "Content-Length: +4" },
        { "minus", "Content-Length: -4" },
        { "minus zero", "Content-Length: -0" },
        { "hexadecimal", "Content-Length: 0x4" },
        { "fraction", "Content-Length: 4.0" },
        { "inner space", "Content-Length: 4 0" },
        { "underscore", "Content-Length: 4_0" },
        { "other digits", "Content-Length: \u00b2" },
        { "beyond 64 bits", "Content-Length: 18446744073709551620" },
        { "beyond any bits", "Content-Length: " + new string('9', 500) },
        { "over the limit", "Content-Length: 9223372036854775807" },
        { "empty length", "Content-Length: " },
        { "length with a space before the colon", "Content-Length : 4" },
        { "folded length", "Content-Length:\r\n 4" },
    };

    public static TheoryData<string, string> RefusedChunks { get; } = new()
    {
        { "bare line feed after the size", "4\nbody\r\n0\r\n\r\n" },
        { "bare carriage return after the size", "4\rbody\r\n0\r\n\r\n" },
        { "bare line feed after the data", "4\r\nbody\n0\r\n\r\n" },
        { "bare line feed in an extension", "4;a\nb\r\nbody\r\n0\r\n\r\n" },
        { "bare carriage return in an extension", "4;a\rb\r\nbody\r\n0\r\n\r\n" },
        { "bare line feed at the end of an extension", "4;a\nbody\r\n0\r\n\r\n" },
        { "plus", "+4\r\nbody\r\n0\r\n\r\n" },
        { "minus", "-4\r\nbody\r\n0\r\n\r\n" },
        { "0x", "0x4\r\nbody\r\n0\r\n\r\n" },
        { "space before the size", " 4\r\nbody\r\n0\r\n\r\n" },
        { "space after the size", "4 \r\nbody\r\n0\r\n\r\n" },
        { "no size", "\r\nbody\r\n0\r\n\r\n" },
        { "extension without a size", ";a\r\nbody\r\n0\r\n\r\n" },
        { "letters", "g\r\nbody\r\n0\r\n\r\n" },
        { "underscore", "1_0\r\nbody\r\n0\r\n\r\n" },
        { "beyond 32 bits", "100000004\r\nbody\r\n0\r\n\r\n" },
        { "beyond 64 bits", "10000000000000004\r\nbody\r\n0\r\n\r\n" },
        { "endless zeros", new string('0', 100_000) + "4\r\nbody\r\n0\r\n\r\n" },
        { "data longer than said", "3\r\nbody\r\n0\r\n\r\n" },
        { "data shorter than said", "5\r\nbody\r\n0\r\n\r\n" },
        { "no last line", "4\r\nbody\r\n0\r\n" },
        { "trailer without a colon", "4\r\nbody\r\n0\r\nnonsense\r\n\r\n" },
        { "trailer ended by a bare line feed", "4\r\nbody\r\n0\r\nX: y\n\r\n" },
        { "trailer with a bare carriage return", "4\r\nbody\r\n0\r\nX: y\rz\r\n\r\n" },
    };

    public static TheoryData<string, string> FineChunks { get; } = new()
    {
        { "plain", "4\r\nbody\r\n0\r\n\r\n" },
        { "leading zeros", "0004\r\nbody\r\n000\r\n\r\n" },
        { "extension", "4;a=b\r\nbody\r\n0;c\r\n\r\n" },
        { "extension that looks like a request", "4;GET /smuggled HTTP/1.1\r\nbody\r\n0\r\n\r\n" },
        {
            "trailers that forge headers",
            "4\r\nbody\r\n0\r\nContent-Length: 40\r\nTransfer-Encoding: identity\r\nHost: evil\r\nX-Edge-Subject: root\r\n"
                + "X-Forwarded-For: 6.6.6.6\r\n\r\n"
        },
    };

    [Theory]
    [MemberData(nameof(RefusedHeads))]
    public async Task AFramingOfTwoMeaningsIsRefused(string name, string fields)
    {
        Assert.NotEmpty(name);
        var outcome = await rig.AttackAsync($"POST /attack HTTP/1.1\r\nHost: x\r\n{fields}\r\n\r\n0\r\n\r\n{Smuggled}");

        outcome.IsRefused();
        await rig.ServesAsync();
    }

    [Theory]
    [MemberData(nameof(RefusedChunks))]
    public async Task AMalformedChunkEndsTheRequestAndTheConnection(string name, string body)
    {
        Assert.NotEmpty(name);
        var outcome = await rig.AttackAsync($"POST /attack HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{body}");

        // Whatever of the body was sent on before the fault, the backend never gets an end to it, and so no request.
        Assert.DoesNotContain(outcome.Seen, static request => !request.StartsWith("cut: POST /attack ", StringComparison.Ordinal));
        Assert.DoesNotContain(
            outcome.Seen,
            static request => request.Contains("/next", StringComparison.Ordinal)
                || request.Contains("\r\n0\r\n", StringComparison.Ordinal));
        Assert.True(outcome.Statuses is [] or [>= 400 and < 500], outcome.Answer);
        await rig.ServesAsync();
    }

    [Theory]
    [MemberData(nameof(FineChunks))]
    public async Task ChunksAreFramedAnewAndTrailersStayBehind(string name, string body)
    {
        Assert.NotEmpty(name);
        var outcome = await rig.AttackAsync($"POST /attack HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{body}");

        Assert.Equal([200, 200], outcome.Statuses);
        Assert.Equal(["POST /attack HTTP/1.1|4\r\nbody\r\n0\r\n\r\n", AttackRig.NextLine], outcome.SeenLines);
        Assert.DoesNotContain("evil", outcome.Seen[0], StringComparison.Ordinal);
        await rig.ServesAsync();
    }

    [Theory]
    [InlineData("Transfer-Encoding: chunked")]
    [InlineData("transfer-encoding:chunked")]
    [InlineData("TRANSFER-ENCODING: CHUNKED")]
    [InlineData("Transfer-Encoding:\tchunked \t")]
    public async Task ChunkedIsChunkedInEverySpelling(string field)
    {
        var outcome = await rig.AttackAsync($"POST /attack HTTP/1.1\r\nHost: x\r\n{field}\r\n\r\n4\r\nbody\r\n0\r\n\r\n");

        Assert.Equal([200, 200], outcome.Statuses);
        Assert.Equal(["POST /attack HTTP/1.1|4\r\nbody\r\n0\r\n\r\n", AttackRig.NextLine], outcome.SeenLines);
        Assert.Contains("\r\nTransfer-Encoding: chunked\r\n", outcome.Seen[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task ABodyThatLooksLikeARequestStaysABody()
    {
        var outcome = await rig.AttackAsync($"POST /attack HTTP/1.1\r\nHost: x\r\nContent-Length: {Smuggled.Length}\r\n\r\n{Smuggled}");

        Assert.Equal([200, 200], outcome.Statuses);
        Assert.Equal([$"POST /attack HTTP/1.1|{Smuggled}", AttackRig.NextLine], outcome.SeenLines);
    }

    [Theory]
    [InlineData("GET")]
    [InlineData("HEAD")]
    [InlineData("DELETE")]
    [InlineData("OPTIONS")]
    public async Task ABodyWhereNoneIsExpectedStaysABody(string method)
    {
        var outcome = await rig.AttackAsync($"{method} /attack HTTP/1.1\r\nHost: x\r\nContent-Length: {Smuggled.Length}\r\n\r\n{Smuggled}");

        Assert.Equal([$"{method} /attack HTTP/1.1|{Smuggled}", AttackRig.NextLine], outcome.SeenLines);
    }

    [Fact]
    public async Task PipelinedRequestsAreAnsweredEachInTurn()
    {
        var outcome = await rig.AttackAsync(
            "POST /one HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\noneGET /two HTTP/1.1\r\nHost: x\r\n\r\nPOST /three HTTP/1.1\r\n"
                + "Host: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nthree\r\n0\r\n\r\n");

        Assert.Equal([200, 200, 200, 200], outcome.Statuses);
        Assert.Equal(
            ["POST /one HTTP/1.1|one", "GET /two HTTP/1.1|", "POST /three HTTP/1.1|5\r\nthree\r\n0\r\n\r\n", AttackRig.NextLine],
            outcome.SeenLines);
        var answers = outcome.Answer.Split("HTTP/1.1 200 OK", StringSplitOptions.RemoveEmptyEntries);
        Assert.Collection(
            answers,
            static answer => Assert.EndsWith("POST /one", answer, StringComparison.Ordinal),
            static answer => Assert.EndsWith("GET /two", answer, StringComparison.Ordinal),
            static answer => Assert.EndsWith("POST /three", answer, StringComparison.Ordinal),
            static answer => Assert.EndsWith("GET /next", answer, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("POST /attack HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("POST /attack HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")]
    [InlineData(
        "POST /attack HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n")]
    public async Task ChunksInHttp10AreRefused(string request)
    {
        (await rig.AttackAsync(request + Smuggled)).IsRefused();
        await rig.ServesAsync();
    }
}
