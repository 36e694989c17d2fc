namespace Attack;

/// <summary>HTTP/2 requests that would mean something else in HTTP/1.1.</summary>
public class Http2Tests(AttackRig rig) : IClassFixture<AttackRig>
{
    private const string Smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";

    public static TheoryData<string, string, string> Refused { get; } = new()
    {
        { "chunked", "transfer-encoding", "chunked" },
        { "chunked in upper case", "Transfer-Encoding", "chunked" },
        { "length shorter than the body", "content-length", "1" },
        { "length longer than the body", "content-length", "1000" },
        { "signed length", "content-length", "+37" },
        { "connection", "connection", "keep-alive" },
        { "te", "te", "chunked" },
        { "line break in a value", "x", "y\r\nX-Edge-Subject: root" },
        { "line feed in a value", "x", "y\nX-Edge-Subject: root" },
        { "null in a value", "x", "y\0z" },
        { "upper case in a name", "X-Upper", "y" },
        { "empty name", "", "y" },
        { "two paths", ":path", "/other" },
        { "unknown pseudo-header", ":unknown", "y" },
        { "status in a request", ":status", "200" },
    };

    public static TheoryData<string, string, string> RefusedTargets { get; } = new()
    {
        { "line break in the path", ":path", "/a HTTP/1.1\r\nX: y" },
        { "space in the path", ":path", "/a HTTP/1.1" },
        { "space in the query", ":path", "/a?b HTTP/1.1" },
        { "control character in the query", ":path", "/a?b\u0001" },
        { "high byte in the query", ":path", "/a?b\u00e4" },
        { "asterisk", ":path", "*" },
        { "path without a slash", ":path", "attack" },
        { "empty path", ":path", "" },
        { "absolute path", ":path", "http://evil/attack" },
        { "line break in the method", ":method", "GET /a HTTP/1.1\r\nX: y" },
        { "space in the method", ":method", "GET /smuggled" },
        { "plain CONNECT", ":method", "CONNECT" },
        { "line break in the authority", ":authority", "x\r\nX-Edge-Subject: root" },
        { "user information in the authority", ":authority", "root@x" },
        { "path in the authority", ":authority", "x/y" },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public async Task AFieldThatHttp11WouldReadOtherwiseIsRefused(string what, string name, string value)
    {
        Assert.NotEmpty(what);
        await RefusesAsync([(":method", "POST"), (":scheme", "http"), (":path", "/attack"), (":authority", "x"), (name, value)], Smuggled);
    }

    [Theory]
    [MemberData(nameof(RefusedTargets))]
    public async Task ATargetThatHttp11WouldReadOtherwiseIsRefused(string what, string name, string value)
    {
        Assert.NotEmpty(what);
        await RefusesAsync([.. H2Client.Get("/attack").Select(field => field.Name == name ? (name, value) : field)], null);
    }

    [Theory]
    [InlineData("upgrade", "forged")]
    [InlineData("keep-alive", "forged")]
    [InlineData("proxy-connection", "forged")]
    [InlineData("host", "forged")]
    public async Task AFieldOfOneConnectionStaysBehind(string name, string value)
    {
        await using var client = await H2Client.ConnectAsync(rig.SecondUrl);
        rig.Backend.Forget();

        Assert.Equal("answer", await client.RequestAsync([.. H2Client.Get("/attack"), (name, value)]));

        Assert.Equal(["GET /attack HTTP/1.1|"], new Outcome("", rig.Backend.Seen).SeenLines);
        Assert.DoesNotContain("forged", rig.Backend.Seen[0], StringComparison.Ordinal);
        Assert.Contains("\r\nHost: x\r\n", rig.Backend.Seen[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task ABodyIsFramedAnew()
    {
        await using var client = await H2Client.ConnectAsync(rig.SecondUrl);
        rig.Backend.Forget();

        Assert.Equal(
            "answer",
            await client.RequestAsync([(":method", "POST"), (":scheme", "http"), (":path", "/attack"), (":authority", "x")], Smuggled));
        Assert.Equal("answer", await client.RequestAsync(
            [(":method", "POST"), (":scheme", "http"), (":path", "/attack"), (":authority", "x"), ("content-length", $"{Smuggled.Length}")],
            Smuggled));

        Assert.Equal(
            [$"POST /attack HTTP/1.1|{Smuggled.Length:x}\r\n{Smuggled}\r\n0\r\n\r\n", $"POST /attack HTTP/1.1|{Smuggled}"],
            new Outcome("", rig.Backend.Seen).SeenLines);
    }

    private async Task RefusesAsync((string Name, string Value)[] fields, string? body)
    {
        await using var client = await H2Client.ConnectAsync(rig.SecondUrl);
        rig.Backend.Forget();

        var answer = await client.RequestAsync(fields, body);
        await rig.ServesAsync();

        Assert.True(answer is "400" or "405" or "reset" or "closed", answer);
    }
}
