using Edge.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Attack;

/// <summary>
/// The edge forwards the same target that it matched against its routes: byte for byte, on every way in. It refuses all other targets.
/// </summary>
public class TargetTests(AttackRig rig) : IClassFixture<AttackRig>
{
    private const string Upgrade =
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

    private static readonly string[] AllWays = ["origin", "absolute", "upgrade", "absolute upgrade", "HTTP/2", "HTTP/2 upgrade"];

    public static TheoryData<string> Ways { get; } = [.. AllWays];

    public static TheoryData<string, string> Unchanged { get; } = Each(
    [
        "/@types%2fcors", "/@types%2Fcors", "/a%2Fb%2F", "/%zz", "/%", "/%2", "/a%zz?b=%zz", "/%41", "/%7Euser", "/a%20b", "/%E9",
        "/%c3%a9", "/%c0%ae%c0%ae/x", "/%ff", "/%0d%0a", "/%23", "/%3f", "/%25", "/%252e%252e/x", "/%252F", "//a//b/", "/", "/a/",
        "/a;b=c/d", "/a!$&'()*+,;=:@-._~", "/\"<>^`{|}", "/...", "/.a", "/a..", "/a..b/..c", "/..%20/x", "/a?", "/?", "/a??b", "/a?b=c&d",
        "/a?b/../c", "/a?%2e%2e\\x", "/a?\"<>^`{|}\\[]", "/a?%00", "/a?b=%C3%A9", "/a?b=+%2B%20",
    ]);

    public static TheoryData<string, string> Refused { get; } = Each(
    [
        "/public/..%2Fadmin", "/a%2F..%2Fb", "/a/..\\b", "/a\\..\\b", "/a\\b", "/a%5Cb", "/a%5c..%5cb", "/../a", "/a/..", "/a/.", "/./a",
        "/a/../b", "/a/%2e%2e/b", "/a/.%2E/b", "/a%2f.%2fb", "/..", "/..?x", "/.", "/a/..;/b", "/a/..;x=y", "/a/%2e%2e%3b/b", "/a%00",
        "/%00", "/a#b", "/a?b#c", "/\u0001", "/a?\u007f", "/\u00e9", "/a?\u00e9",
    ]);

    [Theory]
    [MemberData(nameof(Unchanged))]
    public async Task ATargetIsForwardedByteForByte(string way, string target)
    {
        Assert.True(await IsForwardedAsync(way, target));
    }

    [Theory]
    [MemberData(nameof(Refused))]
    public async Task ATargetThatServersResolveDifferentlyIsRefused(string way, string target)
    {
        Assert.False(await IsForwardedAsync(way, target));
        await rig.ServesAsync();
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task ARandomTargetIsForwardedByteForByteOrRefused(string way)
    {
        string[] parts =
        [
            "/", "/", "/", "a", "B", "9", ".", "..", "%2e", "%2E%2E", "%2f", "%2F", "%5c", "%5C", "\\", "%00", "%41", "%61", "%7e", "%25",
            "%252e", "%zz", "%", "%2", ";", ";..", "?", "?", "&b=c", "=", "+", "%20", "%0a", "%c3%a9", "%e9", "%c0%af", "#", "\"", "<>",
            "|", "{}", "^`", "[]", "@", "~", "*", "!$'(),:", "\u0001", "\t", "\u007f", "\u00e9", "\u0080",
        ];
        var random = new Random(15);
        var forwarded = 0;
        for (var i = 0; i < 400; i++)
        {
            var target = "/" + string.Concat(
                Enumerable.Range(0, random.Next(8)).Select(_ => parts[random.Next(i % 2 == 0 ? parts.Length : parts.Length - 5)]));
            forwarded += await IsForwardedAsync(way, target) ? 1 : 0;
        }

        Assert.InRange(forwarded, 50, 350);
    }

    [Theory]
    [InlineData("http://x", "/")]
    [InlineData("http://x?a=b", "/?a=b")]
    [InlineData("http://x/?", "/?")]
    [InlineData("http://X/a%2fb?c", "/a%2fb?c")]
    [InlineData("http://user@x/a", "/a")]
    public async Task TheAbsoluteFormIsForwardedAsItsPathAndQuery(string target, string path)
    {
        var outcome = await rig.SendAsync($"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

        Assert.Equal([$"GET {path} HTTP/1.1|"], outcome.SeenLines);
    }

    [Theory]
    [InlineData("http://x/api/v2/buildinfo", "", 200)]
    [InlineData("http://x/api/v2/%62uildinfo?a=%zz", "", 200)]
    [InlineData("/api/v2/users/..%2fbuildinfo", "", 400)]
    [InlineData("http://x/api/v2/users/..%2fbuildinfo", "", 400)]
    [InlineData("http://x/api/v2%2fbuildinfo", "", 404)]
    [InlineData("/api/v2%2fbuildinfo", "", 404)]
    [InlineData("/api/v2\\buildinfo", "", 400)]
    [InlineData("http://x/api/v2/workspaceagents/me/rpc", Upgrade, 401)]
    [InlineData("http://x/api/v2/x/..%2fworkspaceagents/me/rpc", Upgrade, 400)]
    public async Task TheEmbeddedApiServerSeesTheSamePath(string target, string upgrade, int status)
    {
        await using var edge = await TestNode.StartAsync();
        using var client = await RawClient.ConnectAsync(edge.PublicUrl);

        await client.SendAsync($"GET {target} HTTP/1.1\r\nHost: x\r\n{upgrade}\r\n");

        Assert.StartsWith($"HTTP/1.1 {status} ", await client.ReceiveHeadAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/api/v2/users/me")]
    [InlineData("/file.txt?a=b%20c")]
    [InlineData("/@types%2fcors")]
    public void TheCheckOfATargetAllocatesNothing(string target)
    {
        var context = new DefaultHttpContext();
        context.Features.Get<IHttpRequestFeature>()!.RawTarget = target;
        Assert.Null(RequestTarget.Check(context));
        Assert.Null(RequestTarget.Check(context));

        var before = GC.GetAllocatedBytesForCurrentThread();
        var fault = RequestTarget.Check(context);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.Null(fault);
        Assert.Equal(0, allocated);
    }

    /// <summary>Sends the target; false when it is refused. Nothing else reaches the backend.</summary>
    private async Task<bool> IsForwardedAsync(string way, string target)
    {
        bool isAnswered;
        if (way.StartsWith("HTTP/2", StringComparison.Ordinal))
        {
            await using var client = await H2Client.ConnectAsync(rig.SecondUrl);
            rig.Backend.Forget();
            var answer = await client.RequestAsync(way == "HTTP/2" ? H2Client.Get(target)
                : [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", target), (":authority", "x"),
                    ("sec-websocket-version", "13")]);
            Assert.True(answer is "answer" or "400" or "reset", answer);
            isAnswered = answer == "answer";
        }
        else
        {
            var upgrade = way.EndsWith("upgrade", StringComparison.Ordinal)
                ? "Connection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                    + "Sec-WebSocket-Version: 13\r\n" : "Connection: close\r\n";
            var outcome = await rig.SendAsync(
                $"GET {(way.StartsWith("absolute", StringComparison.Ordinal) ? "http://x" : "")}{target} HTTP/1.1\r\nHost: x\r\n"
                    + $"{upgrade}\r\n");
            Assert.True(outcome.Statuses is [200] or [400], $"{target}: {outcome.Answer}");
            isAnswered = outcome.Statuses[0] == 200;
        }

        string[] seen = isAnswered ? [$"GET {target} HTTP/1.1|"] : [];
        Assert.Equal(seen, new Outcome("", rig.Backend.Seen).SeenLines);
        return isAnswered;
    }

    private static TheoryData<string, string> Each(string[] targets) => new(
        from way in AllWays
        from target in targets
        select (way, target));
}
