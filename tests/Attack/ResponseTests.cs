using System.Text;

namespace Attack;

/// <summary>API servers that break HTTP: the client gets an error or a closed connection, never the answer to another request.</summary>
public class ResponseTests
{
    private const string Own = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nits own 1";

    private const string Forged = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nX-Forged: 1\r\n\r\nforged";

    public static TheoryData<string, string> BadHeads { get; } = new()
    {
        { "lengths that differ", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nno" },
        { "length that is none", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nno" },
        { "line without a colon", "HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 2\r\n\r\nno" },
        { "name with a space", "HTTP/1.1 200 OK\r\nX Y: z\r\nContent-Length: 2\r\n\r\nno" },
        { "no HTTP", "SSH-2.0-OpenSSH_9.0\r\n\r\n" },
        { "HTTP/2.0 in words", "HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nno" },
        { "status that is none", "HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nno" },
        { "head over the limit", $"HTTP/1.1 200 OK\r\nX: {new string('a', 200_000)}\r\nContent-Length: 2\r\n\r\nno" },
        { "endless head", $"HTTP/1.1 200 OK\r\nX: {new string('a', 200_000)}" },
        { "endless headers", $"HTTP/1.1 200 OK\r\n{string.Concat(Enumerable.Range(0, 20_000).Select(static i => $"X-{i}: y\r\n"))}" },
        { "nothing", "" },
        { "half a head", "HTTP/1.1 200 OK\r\nContent-Le" },
        { "205 with a body", "HTTP/1.1 205 Reset Content\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello" },
        { "205 in chunks", "HTTP/1.1 205 Reset Content\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" },
        { "205 until the connection ends", "HTTP/1.1 205 Reset Content\r\n\r\nhello" },
        { "205 with half a chunk", "HTTP/1.1 205 Reset Content\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe" },
        { "unasked 101", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n" },
    };

    public static TheoryData<string, string> BadBodies { get; } = new()
    {
        { "body shorter than its length", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nno" },
        { "body of no bytes", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" },
        { "chunk size that is none", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\nx\r\n" },
        { "signed chunk size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n-2\r\n" },
        { "endless chunk size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n" + new string('1', 100) + "\r\n" },
        { "chunk without its end", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nnobody" },
        { "no last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n" },
        { "reset in the body", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nreset" },
    };

    public static TheoryData<string, string> Ambiguous { get; } = new()
    {
        { "length and chunks", $"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n{Forged}" },
        {
            "chunks and length",
            $"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 200\r\n\r\n2\r\nno\r\n0\r\n\r\n{Forged}"
        },
        { "two answers", $"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno{Forged}" },
        { "two answers in chunks", $"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n{Forged}" },
        { "answer behind a 204", $"HTTP/1.1 204 No Content\r\n\r\n{Forged}" },
        { "answer behind a 304", $"HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n{Forged}" },
        { "body of a 204", $"HTTP/1.1 204 No Content\r\nContent-Length: {Forged.Length}\r\n\r\n{Forged}" },
        {
            "trailer that forges",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\nContent-Length: 50\r\nX-Forged: 1\r\n\r\n"
        },
        {
            "interim answers",
            $"{string.Concat(Enumerable.Repeat("HTTP/1.1 103 Early Hints\r\nX-Forged: 1\r\n\r\n", 5))}HTTP/1.1 200 OK\r\n"
                + "Content-Length: 2\r\n\r\nno"
        },
        {
            "flood of interim answers",
            $"{string.Concat(Enumerable.Repeat("HTTP/1.1 103 Early Hints\r\nX-Forged: 1\r\n\r\n", 5000))}HTTP/1.1 200 OK\r\n"
                + "Content-Length: 2\r\n\r\nno"
        },
        { "space before the colon", "HTTP/1.1 200 OK\r\nX : y\r\nContent-Length: 2\r\n\r\nno" },
        { "bare line feed", "HTTP/1.1 200 OK\r\nX: y\nX-Other: 1\r\nContent-Length: 2\r\n\r\nno" },
        { "bare carriage return", "HTTP/1.1 200 OK\r\nX: y\rX-Forged: 1\r\nContent-Length: 2\r\n\r\nno" },
        { "folded header", "HTTP/1.1 200 OK\r\nX: y\r\n X-Forged: 1\r\nContent-Length: 2\r\n\r\nno" },
        { "null in a value", "HTTP/1.1 200 OK\r\nX: y\0z\r\nContent-Length: 2\r\n\r\nno" },
        {
            "headers of one connection",
            "HTTP/1.1 200 OK\r\nConnection: close, X-Hop\r\nKeep-Alive: timeout=5\r\nProxy-Connection: close\r\nUpgrade: h2c\r\n"
                + "Content-Length: 2\r\n\r\nno"
        },
    };

    [Theory]
    [MemberData(nameof(BadHeads))]
    public async Task ABadHeadIsA502(string name, string answer)
    {
        Assert.NotEmpty(name);
        var got = await AttackAsync(answer, close: true);

        Assert.StartsWith("HTTP/1.1 502 ", got, StringComparison.Ordinal);
        Assert.EndsWith("\r\n\r\nits own 1", got, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Connection: close\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("Connection: close\r\n\r\n")]
    public async Task A205WithoutABodyIsPassedOn(string rest)
    {
        var got = await AttackAsync($"HTTP/1.1 205 Reset Content\r\n{rest}", close: true);

        Assert.StartsWith("HTTP/1.1 205 Reset Content\r\n", got, StringComparison.Ordinal);
        Assert.EndsWith("\r\n\r\nits own 1", got, StringComparison.Ordinal);
        Assert.Equal([205, 200], new Outcome(got, []).Statuses);
    }

    [Theory]
    [MemberData(nameof(BadBodies))]
    public async Task ABadBodyCutsTheConnectionSoThatNobodyTakesItForWhole(string name, string answer)
    {
        Assert.NotEmpty(name);
        var got = await AttackAsync(answer, close: true);

        if (got.StartsWith("HTTP/1.1 502 ", StringComparison.Ordinal))
        {
            return; // It was seen before anything of it had been sent on.
        }

        Assert.DoesNotContain("\r\n0\r\n\r\n", got, StringComparison.Ordinal);
        Assert.DoesNotContain("its own", got, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Ambiguous))]
    public async Task AnAmbiguousAnswerIsTheAnswerToNothingElse(string name, string answer)
    {
        Assert.NotEmpty(name);
        var got = await AttackAsync(answer, close: false);

        // The next request gets its own answer, or none.
        Assert.DoesNotContain("\r\nX-Forged: ", got, StringComparison.Ordinal);
        Assert.DoesNotContain("\rX-Forged: ", got, StringComparison.Ordinal);
        Assert.DoesNotContain("\r\n\r\nforged", got, StringComparison.Ordinal);
        Assert.DoesNotContain("Keep-Alive: timeout", got, StringComparison.Ordinal);
        Assert.DoesNotContain('\0', got);
        Assert.True(new Outcome(got, []).Statuses is [200 or 204 or 304 or 502, 200] or [502], got);
        if (new Outcome(got, []).Statuses.Length == 2)
        {
            Assert.EndsWith("\r\n\r\nits own 1", got, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("Content-Length: 2\r\nContent-Length: 3")]
    [InlineData("Content-Length: 3\r\nContent-Length: 2")]
    [InlineData("Content-Length: 2\r\nContent-Length: 2")]
    [InlineData("content-length: 2\r\nX: y\r\nCONTENT-LENGTH: 2")]
    public async Task AConnectionWhoseAnswerHasTwoLengthsGetsNoOtherRequest(string lengths)
    {
        await using var backend = new RawBackend(async (socket, head) =>
        {
            if (!head.StartsWith("GET /attack ", StringComparison.Ordinal))
            {
                await socket.SendAsync(Encoding.Latin1.GetBytes(Own));
                return;
            }

            await socket.SendAsync(Encoding.Latin1.GetBytes($"HTTP/1.1 200 OK\r\n{lengths}\r\n\r\nno"));
            var more = new byte[4096];
            RawBackend.Report(socket, more[..await socket.ReceiveAsync(more)]);
        });
        await using var edge = await TestNode.StartAsync("Edge:Mode=edge", $"Edge:Backends={backend.Url}");
        using var client = await RawClient.ConnectAsync(edge.PublicUrl);

        await client.SendAsync("GET /attack HTTP/1.1\r\nHost: x\r\n\r\n" + AttackRig.Next);
        var got = await client.ReceiveAllAsync();

        Assert.Equal("", Encoding.Latin1.GetString(await backend.ReportAsync()));
        Assert.Equal([502, 200], new Outcome(got, []).Statuses);
    }

    [Fact]
    public async Task AnAnswerBeforeTheBodyWasReadDoesNotMakeARequestOfTheBody()
    {
        await using var backend = new RawBackend((socket, head) => socket.SendAsync(Encoding.Latin1.GetBytes(
            head.StartsWith("POST /attack ", StringComparison.Ordinal)
                ? "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"
                : Own)));
        await using var edge = await TestNode.StartAsync("Edge:Mode=edge", $"Edge:Backends={backend.Url}");
        using var client = await RawClient.ConnectAsync(edge.PublicUrl);

        const string Smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
        await AttackRig.TrySendAsync(
            client,
            $"POST /attack HTTP/1.1\r\nHost: x\r\nContent-Length: {Smuggled.Length * 2}\r\n\r\n{Smuggled}{Smuggled}{AttackRig.Next}");
        var got = await client.ReceiveAllAsync();

        Assert.Matches("^HTTP/1.1 (403|502) ", got);
        Assert.True(new Outcome(got, []).Statuses.Length == 1 || got.EndsWith("\r\n\r\nits own 1", StringComparison.Ordinal), got);
        Assert.Equal("its own 1", await edge.Public.GetStringAsync("/honest", TestContext.Current.CancellationToken));
        for (var seen = backend.Seen; seen > 0; seen--)
        {
            Assert.DoesNotMatch("^GET /smuggled", await backend.HeadAsync());
        }
    }

    /// <summary>What the client got for an attacked request and one behind it on the same connection.</summary>
    private static async Task<string> AttackAsync(string answer, bool close)
    {
        await using var backend = new RawBackend(async (socket, head) =>
        {
            if (!head.StartsWith("GET /attack ", StringComparison.Ordinal))
            {
                await socket.SendAsync(Encoding.Latin1.GetBytes(Own));
                return;
            }

            await socket.SendAsync(Encoding.Latin1.GetBytes(answer));
            if (answer.EndsWith("reset", StringComparison.Ordinal))
            {
                socket.Close(timeout: 0);
            }
            else if (!close && await socket.ReceiveAsync(new byte[4096]) > 0)
            {
                // A second request on the connection that the edge should not trust any more, or may.
                await socket.SendAsync(Encoding.Latin1.GetBytes(Own));
            }
        });
        await using var edge = await TestNode.StartAsync("Edge:Mode=edge", $"Edge:Backends={backend.Url}");
        using var client = await RawClient.ConnectAsync(edge.PublicUrl);

        await client.SendAsync("GET /attack HTTP/1.1\r\nHost: x\r\n\r\n" + AttackRig.Next);
        var got = await client.ReceiveAllAsync();
        Assert.Equal("its own 1", await edge.Public.GetStringAsync("/honest"));
        return got;
    }
}
