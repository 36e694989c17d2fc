using System.Net;
using System.Text;

namespace Attack;

/// <summary>Values of headers are opaque bytes, in both directions.</summary>
public class HeaderBytesTests
{
    private const string Upgrade =
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

    private static readonly string AllHigh = new([.. Enumerable.Range(0x80, 0x80).Select(static value => (char)value)]);

    public static TheoryData<string> Values { get; } =
    [
        "\u00c3\u00a9", "\u00e4\u00bd\u00a0", "\u00e9", "\u00ff\u00fe", "\u00e4\u00bd", "\u0085x\u00a0x", "x" + AllHigh + "x",
    ];

    public static TheoryData<string> Answers { get; } =
    [
        $"Content-Disposition: attachment; filename=\"{Utf8("日本")}.txt\"", "Content-Disposition: attachment; filename=\"\u00e9.txt\"",
        $"Set-Cookie: n={Utf8("José")}", "Set-Cookie: n=Jos\u00e9", $"Location: /{Utf8("é")}", "Location: /\u00e9",
        $"Content-Type: text/plain; title={Utf8("é")}", $"ETag: \"{Utf8("é")}\"", $"Server: {Utf8("日本")}",
        $"X-Own: x{AllHigh}x",
    ];

    [Theory]
    [MemberData(nameof(Values))]
    public async Task ARequestsHeaderIsForwardedByteForByte(string value)
    {
        await using var backend = new RecordingBackend();
        await using var edge = await StartAsync(backend.Url);
        foreach (var name in new[] { "X-Own", "User-Agent", "Cookie", "Referer", "Content-Type" })
        {
            foreach (var upgrade in new[] { "", Upgrade })
            {
                backend.Forget();
                using var client = await RawClient.ConnectAsync(edge.PublicUrl);
                await client.SendAsync($"GET /a HTTP/1.1\r\nHost: x\r\n{name}: {value}\r\n{upgrade}\r\n");

                Assert.StartsWith("HTTP/1.1 200 OK\r\n", await client.ReceiveHeadAsync(), StringComparison.Ordinal);
                Assert.Contains($"\r\n{name}: {value}\r\n", Assert.Single(backend.Seen), StringComparison.Ordinal);
            }

            backend.Forget();
            await using var second = await H2Client.ConnectAsync(new Uri(edge.Node.PublicUrls[1]));
            if (value.Length < 126)
            {
                Assert.Equal("answer", await second.RequestAsync([.. H2Client.Get("/a"), (name.ToLowerInvariant(), value)]));
                Assert.Contains($"\r\n{name}: {value}\r\n", Assert.Single(backend.Seen), StringComparison.OrdinalIgnoreCase);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Answers))]
    public async Task AnAnswersHeaderIsPassedOnByteForByte(string header)
    {
        await using var backend = new RecordingBackend(_ => new Answer($"HTTP/1.1 302 Found\r\n{header}\r\nContent-Length: 2\r\n\r\nok"));
        await using var edge = await StartAsync(backend.Url);
        foreach (var upgrade in new[] { "", Upgrade })
        {
            using var client = await RawClient.ConnectAsync(edge.PublicUrl);
            await client.SendAsync($"GET /a HTTP/1.1\r\nHost: x\r\n{upgrade}\r\n");
            var head = await client.ReceiveHeadAsync();

            Assert.StartsWith("HTTP/1.1 302 ", head, StringComparison.Ordinal);
            Assert.Contains($"\r\n{header}\r\n", head, StringComparison.Ordinal);
        }

        using var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            ResponseHeaderEncodingSelector = static (_, _) => Encoding.Latin1,
        };
        using var http = new HttpClient(handler)
        {
            DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        using var answer = await http.GetAsync(new Uri($"{edge.Node.PublicUrls[1]}/a"), TestContext.Current.CancellationToken);
        var separator = header.IndexOf(": ", StringComparison.Ordinal);
        var all = answer.Headers.NonValidated.Concat(answer.Content.Headers.NonValidated)
            .ToDictionary(static one => one.Key, static one => one.Value.ToString(), StringComparer.OrdinalIgnoreCase);
        Assert.Equal(HttpStatusCode.Found, answer.StatusCode);
        Assert.Equal(header[(separator + 2)..], all[header[..separator]]);
        Assert.DoesNotContain(edge.Log.Lines, static entry => entry.Contains("Exception", StringComparison.Ordinal));
    }

    [Fact]
    public async Task AnAcceptedUpgradesHeaderIsPassedOnByteForByte()
    {
        await using var backend = new RawBackend(static async (socket, _) =>
        {
            await socket.SendAsync(Encoding.Latin1.GetBytes(RawBackend.Accept($"Set-Cookie: n={Utf8("José")}\r\nX-Own: \u00e9\r\n")));
            await socket.ReceiveAsync(new byte[1]);
        });
        await using var edge = await StartAsync(backend.Url);
        using var client = await RawClient.ConnectAsync(edge.PublicUrl);

        await client.SendAsync($"GET /a HTTP/1.1\r\nHost: x\r\n{Upgrade}\r\n");
        var head = await client.ReceiveHeadAsync();

        Assert.StartsWith("HTTP/1.1 101 ", head, StringComparison.Ordinal);
        Assert.Contains($"\r\nSet-Cookie: n={Utf8("José")}\r\n", head, StringComparison.Ordinal);
        Assert.Contains("\r\nX-Own: \u00e9\r\n", head, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("X-Own: a\u0001b")]
    [InlineData("X-Own: a\u007fb")]
    [InlineData("X-Own: a\u001b[31mb")]
    [InlineData("X-\u001b[31m\u0085: b")]
    [InlineData("no colon \u001b[31m\u0085\u007f")]
    public async Task AnAnswerWithAControlCharacterIsA502AndOneLineOfTheLog(string header)
    {
        await using var backend = new RecordingBackend(_ => new Answer($"HTTP/1.1 200 OK\r\n{header}\r\nContent-Length: 2\r\n\r\nok"));
        await using var edge = await StartAsync(backend.Url);
        foreach (var upgrade in new[] { "", Upgrade })
        {
            using var client = await RawClient.ConnectAsync(edge.PublicUrl);
            await client.SendAsync($"GET /a HTTP/1.1\r\nHost: x\r\n{upgrade}\r\n");

            Assert.StartsWith("HTTP/1.1 502 ", await client.ReceiveHeadAsync(), StringComparison.Ordinal);
        }

        Assert.All(edge.Log.Lines, static entry => Assert.DoesNotContain(entry, static letter => char.IsControl(letter)));
    }

    [Fact]
    public async Task AClustersOwnEncodingsChangeNoByte()
    {
        await using var backend = new RecordingBackend(
            _ => new Answer("HTTP/1.1 200 OK\r\nX-Own: \u00e9\u00ff\r\nContent-Length: 2\r\n\r\nok"));
        await using var edge = await TestNode.StartAsync(
            "Edge:Mode=edge", "ReverseProxy:Routes:r:ClusterId=c", "ReverseProxy:Routes:r:Match:Path=/{**rest}",
            $"ReverseProxy:Clusters:c:Destinations:d:Address={backend.Url}",
            "ReverseProxy:Clusters:c:HttpClient:RequestHeaderEncoding=utf-8",
            "ReverseProxy:Clusters:c:HttpClient:ResponseHeaderEncoding=utf-8");
        using var client = await RawClient.ConnectAsync(edge.PublicUrl);

        await client.SendAsync("GET /a HTTP/1.1\r\nHost: x\r\nX-Own: \u00c3\u00a9\r\n\r\n");

        Assert.Contains("\r\nX-Own: \u00e9\u00ff\r\n", await client.ReceiveHeadAsync(), StringComparison.Ordinal);
        Assert.Contains("\r\nX-Own: \u00c3\u00a9\r\n", Assert.Single(backend.Seen), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Values))]
    public async Task TheEmbeddedApiServerTakesEveryByteToo(string value)
    {
        await using var edge = await TestNode.StartAsync();
        foreach (var (path, upgrade, status) in new[] { ("/api/v2/buildinfo", "", 200), ("/api/v2/workspaceagents/me/rpc", Upgrade, 401) })
        {
            foreach (var name in new[] { "X-Own", "User-Agent", "Cookie", "Coder-Session-Token" })
            {
                using var client = await RawClient.ConnectAsync(edge.PublicUrl);
                await client.SendAsync($"GET {path} HTTP/1.1\r\nHost: x\r\n{name}: {value}\r\n{upgrade}\r\n");

                Assert.StartsWith($"HTTP/1.1 {status} ", await client.ReceiveHeadAsync(), StringComparison.Ordinal);
            }
        }
    }

    private static string Utf8(string text) => Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(text));

    private static Task<TestNode> StartAsync(string backend) => TestNode.StartAsync(
        "Edge:Mode=edge", $"Edge:Backends={backend}", "Kestrel:Endpoints:One:Url=http://127.0.0.1:0",
        "Kestrel:Endpoints:Two:Url=http://127.0.0.1:0", "Kestrel:Endpoints:Two:Protocols=Http2");
}
