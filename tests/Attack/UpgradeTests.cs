using System.Net.Sockets;
using System.Text;

namespace Attack;

/// <summary>Upgrades that the backend refuses or botches, and the bytes that follow them on the connection.</summary>
public class UpgradeTests
{
    private const string Request =
        "GET /attack HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            + "Sec-WebSocket-Version: 13\r\n\r\n";

    private const string Accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nits own 1";

    // A WebSocket frame that a client sends into a tunnel that it believes open. It could also be a request smuggled to the backend.
    private const string Frame = "\u0082\u0085\u0001\u0002\u0003\u0004hello";

    public static TheoryData<string, string> Refusals { get; } = new()
    {
        { "200 with a body", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno" },
        { "200 in chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n" },
        {
            "200 that talks of an upgrade",
            $"HTTP/1.1 200 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{Accept}Content-Length: 0\r\n\r\n"
        },
        { "204", "HTTP/1.1 204 No Content\r\n\r\n" },
        { "205", "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n" },
        { "302", "HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n" },
        { "304", "HTTP/1.1 304 Not Modified\r\n\r\n" },
        { "400", "HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno" },
        { "426", "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nContent-Length: 2\r\n\r\nno" },
        { "503", "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n" },
        { "interim answer before the refusal", "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno" },
        {
            "two answers",
            "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nnoHTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                + $"Connection: Upgrade\r\n{Accept}\r\n"
        },
    };

    public static TheoryData<string, string> BadAnswers { get; } = new()
    {
        { "no Upgrade", $"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n{Accept}\r\n" },
        { "no Connection", $"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n{Accept}\r\n" },
        { "Connection without upgrade", $"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: close\r\n{Accept}\r\n" },
        { "no accept", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n" },
        {
            "wrong accept",
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n"
        },
        { "accept twice", $"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{Accept}{Accept}\r\n" },
        { "other protocol", $"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n{Accept}\r\n" },
        { "two protocols", $"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket, h2c\r\nConnection: Upgrade\r\n{Accept}\r\n" },
        {
            "two Upgrade fields",
            $"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n{Accept}\r\n"
        },
        { "HTTP/1.0", $"HTTP/1.0 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{Accept}\r\n" },
        { "bare line feeds", $"HTTP/1.1 101 Switching Protocols\nUpgrade: websocket\nConnection: Upgrade\n{Accept}\n" },
        { "folded", $"HTTP/1.1 101 Switching Protocols\r\nUpgrade:\r\n websocket\r\nConnection: Upgrade\r\n{Accept}\r\n" },
        { "205 with a body", "HTTP/1.1 205 Reset Content\r\nContent-Length: 5\r\n\r\nhello" },
        { "205 in chunks", "HTTP/1.1 205 Reset Content\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" },
        { "both framings", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n" },
        { "flood of interim answers", string.Concat(Enumerable.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 1000)) },
        { "endless head", "HTTP/1.1 101 Switching Protocols\r\nX: " + new string('a', 200_000) },
        { "garbage", "SSH-2.0-OpenSSH_9.0\r\n" },
    };

    public static TheoryData<string, string> NoUpgrades { get; } = new()
    {
        {
            "HTTP/1.0",
            Request.Replace("HTTP/1.1", "HTTP/1.0", StringComparison.Ordinal)
                .Replace("Connection: Upgrade", "Connection: Upgrade, keep-alive", StringComparison.Ordinal)
        },
        { "POST", Request.Replace("GET", "POST", StringComparison.Ordinal) },
        {
            "POST of nothing",
            Request.Replace("GET", "POST", StringComparison.Ordinal)
                .Replace("\r\n\r\n", "\r\nContent-Length: 0\r\n\r\n", StringComparison.Ordinal)
        },
        {
            "h2c",
            Request.Replace(
                "Upgrade: websocket\r\nConnection: Upgrade",
                "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
                StringComparison.Ordinal)
        },
        { "no Connection", Request.Replace("Connection: Upgrade\r\n", "", StringComparison.Ordinal) },
        {
            "Connection without upgrade",
            Request.Replace("Connection: Upgrade\r\n", "Connection: keep-alive\r\n", StringComparison.Ordinal)
        },
        { "two protocols", Request.Replace("Upgrade: websocket", "Upgrade: websocket, h2c", StringComparison.Ordinal) },
        { "two Upgrade fields", Request.Replace("Upgrade: websocket", "Upgrade: websocket\r\nUpgrade: h2c", StringComparison.Ordinal) },
        { "TLS", Request.Replace("Upgrade: websocket", "Upgrade: TLS/1.0", StringComparison.Ordinal) },
        { "SPDY", Request.Replace("Upgrade: websocket", "Upgrade: SPDY/3.1", StringComparison.Ordinal) },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public async Task AfterARefusalNothingOfTheClientsReachesTheBackendAsAStream(string name, string answer)
    {
        Assert.NotEmpty(name);
        var (got, after) = await AttackAsync(answer, Request + Frame);

        Assert.DoesNotContain("HTTP/1.1 101 ", got, StringComparison.Ordinal);
        Assert.Equal("", after);
    }

    [Theory]
    [MemberData(nameof(Refusals))]
    public async Task ARequestBehindARefusedUpgradeIsARequestOfItsOwn(string name, string answer)
    {
        Assert.NotEmpty(name);
        var (got, after) = await AttackAsync(answer, Request + AttackRig.Next);

        Assert.Equal("", after);
        Assert.EndsWith("\r\n\r\nits own 1", got, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(BadAnswers))]
    public async Task ABadAnswerIsA502AndNoTunnel(string name, string answer)
    {
        Assert.NotEmpty(name);
        var (got, after) = await AttackAsync(answer, Request + AttackRig.Next);

        Assert.StartsWith("HTTP/1.1 502 ", got, StringComparison.Ordinal);
        Assert.Equal("", after);
        Assert.EndsWith("\r\n\r\nits own 1", got, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(NoUpgrades))]
    public async Task WhatIsNoUpgradeOpensNoTunnelWhateverTheBackendSays(string name, string request)
    {
        Assert.NotEmpty(name);
        var protocol = name == "SPDY" ? "SPDY/3.1" : name == "h2c" ? "h2c" : "websocket";
        var (got, after) = await AttackAsync(
            $"HTTP/1.1 101 Switching Protocols\r\nUpgrade: {protocol}\r\nConnection: Upgrade\r\n{Accept}\r\n",
            request + AttackRig.Next,
            isUpgrade: false);

        Assert.DoesNotContain("HTTP/1.1 101 ", got, StringComparison.Ordinal);
        Assert.Equal("", after);
        Assert.StartsWith("HTTP/1.1 502 ", got, StringComparison.Ordinal);
        if (name != "HTTP/1.0")
        {
            Assert.EndsWith("\r\n\r\nits own 1", got, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 8")]
    [InlineData("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "")]
    [InlineData("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Key: x")]
    [InlineData(
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")]
    public async Task AnOddWebSocketRequestIsTheBackendsToRefuse(string from, string to)
    {
        var (got, after) = await AttackAsync(
            "HTTP/1.1 400 Bad Request\r\nContent-Length: 4\r\n\r\nodd!",
            Request.Replace(from, to, StringComparison.Ordinal) + AttackRig.Next);

        Assert.StartsWith("HTTP/1.1 400 Bad Request\r\n", got, StringComparison.Ordinal);
        Assert.Contains("odd!", got, StringComparison.Ordinal);
        Assert.Equal("", after);
        Assert.EndsWith("\r\n\r\nits own 1", got, StringComparison.Ordinal);
    }

    [Fact]
    public async Task EarlyFramesAreHeldUntilTheBackendHasAccepted()
    {
        await using var backend = new RawBackend(async (socket, _) =>
        {
            // Nothing may come now, however long one waits.
            var early = socket.Poll(TimeSpan.FromMilliseconds(300), SelectMode.SelectRead);
            await socket.SendAsync(Encoding.Latin1.GetBytes(RawBackend.Accept()));
            var buffer = new byte[64];
            var read = 0;
            while (read < Frame.Length)
            {
                read += await socket.ReceiveAsync(buffer.AsMemory(read));
            }

            RawBackend.Report(socket, early ? [] : buffer[..read]);
        });
        await using var edge = await TestNode.StartAsync("Edge:Mode=edge", $"Edge:Backends={backend.Url}");
        using var client = await RawClient.ConnectAsync(edge.PublicUrl);

        await client.SendAsync(Request + Frame);
        Assert.StartsWith("HTTP/1.1 101 ", await client.ReceiveHeadAsync(), StringComparison.Ordinal);

        Assert.Equal(Encoding.Latin1.GetBytes(Frame), await backend.ReportAsync());
        var head = await backend.HeadAsync();
        Assert.EndsWith("\r\n\r\n", head, StringComparison.Ordinal);
        Assert.DoesNotContain("hello", head, StringComparison.Ordinal);
    }

    /// <summary>What the client got until the end, and what the backend got after the attack's head.</summary>
    private static async Task<(string Got, string After)> AttackAsync(string answer, string bytes, bool isUpgrade = true)
    {
        await using var backend = new RawBackend(async (socket, head) =>
        {
            if (!head.StartsWith("GET /attack ", StringComparison.Ordinal) && !head.StartsWith("POST /attack ", StringComparison.Ordinal))
            {
                await socket.SendAsync(Encoding.Latin1.GetBytes(Ok));
                return;
            }

            var after = head[(head.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..] + await AnswerAndReadOnAsync(socket, answer);
            RawBackend.Report(socket, Encoding.Latin1.GetBytes(after));
        });
        await using var edge = await TestNode.StartAsync("Edge:Mode=edge", $"Edge:Backends={backend.Url}");
        using var client = await RawClient.ConnectAsync(edge.PublicUrl);

        await client.SendAsync(bytes);
        if (bytes.EndsWith(Frame, StringComparison.Ordinal))
        {
            // The frame is no request: with an end to it the edge gives up on the connection.
            await client.SendAsync("\r\n\r\n");
        }

        var got = await client.ReceiveAllAsync();
        var seen = await backend.HeadAsync();
        Assert.Equal(isUpgrade, seen.Contains("\r\nUpgrade: ", StringComparison.OrdinalIgnoreCase));
        Assert.DoesNotContain("HTTP2-Settings", seen, StringComparison.OrdinalIgnoreCase);
        Assert.Equal("its own 1", await edge.Public.GetStringAsync("/honest"));

        return (got, Encoding.Latin1.GetString(await backend.ReportAsync()));
    }

    private static async Task<string> AnswerAndReadOnAsync(Socket socket, string answer)
    {
        var after = new StringBuilder();
        var buffer = new byte[4096];
        try
        {
            await socket.SendAsync(Encoding.Latin1.GetBytes(answer));
            int read;
            while ((read = await socket.ReceiveAsync(buffer)) > 0)
            {
                after.Append(Encoding.Latin1.GetString(buffer, 0, read));
            }

            return after.ToString();
        }
        catch (SocketException)
        {
            // A reset ends the connection as well as an end does.
            return after.ToString();
        }
    }
}
