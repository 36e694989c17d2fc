using System.Text;

namespace Attack;

/// <summary>PROXY headers of a peer that nobody trusts: they are the first bytes of a bad request.</summary>
public class UntrustedProxyHeaderTests(AttackRig rig) : IClassFixture<AttackRig>
{
    internal const string Signature = "\r\n\r\n\0\r\nQUIT\n";

    public static TheoryData<string> Headers { get; } =
    [
        "PROXY TCP4 203.0.113.7 127.0.0.1 4711 80\r\n",
        "PROXY TCP6 2001:db8::7 ::1 4711 80\r\n",
        "PROXY UNKNOWN\r\n",
        Signature + "\u0021\u0011\0\u000c\u00cb\0\u0071\u0007\u007f\0\0\u0001\u0012\u0067\0\u0050",
        Signature + "\u0020\0\0\0",
    ];

    [Theory]
    [MemberData(nameof(Headers))]
    public async Task AForgedProxyHeaderIsRefused(string header)
    {
        (await rig.AttackAsync(header)).IsRefused();
        await rig.ServesAsync();
    }
}

/// <summary>PROXY headers of a trusted peer: believed when whole and right, and otherwise the end of the connection.</summary>
public class TrustedProxyHeaderTests(TrustedProxyHeaderTests.Rig rig) : IClassFixture<TrustedProxyHeaderTests.Rig>
{
    private const string Signature = UntrustedProxyHeaderTests.Signature;

    private const string Addresses4 = "\u00cb\0\u0071\u0007\u007f\0\0\u0001\u0012\u0067\0\u0050";

    public static TheoryData<string, string> Bad { get; } = new()
    {
        { "bare line feed", "PROXY TCP4 203.0.113.7 127.0.0.1 4711 80\n" },
        { "too few words", "PROXY TCP4 203.0.113.7 127.0.0.1 4711\r\n" },
        { "too many words", "PROXY TCP4 203.0.113.7 127.0.0.1 4711 80 1\r\n" },
        { "two spaces", "PROXY  TCP4 203.0.113.7 127.0.0.1 4711 80\r\n" },
        { "other family", "PROXY TCP6 203.0.113.7 127.0.0.1 4711 80\r\n" },
        { "unknown family", "PROXY UDP4 203.0.113.7 127.0.0.1 4711 80\r\n" },
        { "short address", "PROXY TCP4 203.7 127.0.0.1 4711 80\r\n" },
        { "octal address", "PROXY TCP4 0313.0.113.7 127.0.0.1 4711 80\r\n" },
        { "no address", "PROXY TCP4 localhost 127.0.0.1 4711 80\r\n" },
        { "address with a zone", "PROXY TCP6 fe80::1%lo ::1 4711 80\r\n" },
        { "port beyond 16 bits", "PROXY TCP4 203.0.113.7 127.0.0.1 65536 80\r\n" },
        { "signed port", "PROXY TCP4 203.0.113.7 127.0.0.1 +80 80\r\n" },
        { "control character", "PROXY UNKNOWN \0\r\n" },
        { "oversize line", $"PROXY UNKNOWN {new string('a', 100)}\r\n" },
        { "endless line", $"PROXY TCP4 {new string('1', 10_000)}" },
        { "binary of version 1", Signature + "\u0011\u0011\0\u000c" + Addresses4 },
        { "binary of version 3", Signature + "\u0031\u0011\0\u000c" + Addresses4 },
        { "unknown command", Signature + "\u0022\u0011\0\u000c" + Addresses4 },
        { "unknown binary family", Signature + "\u0021\u0041\0\u000c" + Addresses4 },
        { "block too short for its family", Signature + "\u0021\u0021\0\u000c" + Addresses4 },
        { "oversize block", Signature + "\u0021\u0011\u00ff\u00ff" + Addresses4 + new string('a', 70_000) },
        { "two headers", "PROXY TCP4 203.0.113.7 127.0.0.1 4711 80\r\nPROXY TCP4 6.6.6.6 127.0.0.1 4711 80\r\n" },
        { "binary header behind a line", "PROXY TCP4 203.0.113.7 127.0.0.1 4711 80\r\n" + Signature + "\u0021\u0011\0\u000c" + Addresses4 },
    };

    public static TheoryData<string, string> Good { get; } = new()
    {
        { "PROXY TCP4 203.0.113.7 127.0.0.1 4711 80\r\n", "203.0.113.7" },
        { "PROXY TCP6 2001:db8::7 ::1 4711 80\r\n", "2001:db8::7" },
        { "PROXY TCP6 ::ffff:203.0.113.7 ::1 4711 80\r\n", "203.0.113.7" },
        { "PROXY UNKNOWN\r\n", "127.0.0.1" },
        { "PROXY UNKNOWN 203.0.113.7 127.0.0.1 4711 80\r\n", "127.0.0.1" },
        { Signature + "\u0021\u0011\0\u000c" + Addresses4, "203.0.113.7" },
        { Signature + "\u0021\u0011\0\u0012" + Addresses4 + "\u0004\0\u0003abc", "203.0.113.7" },
        { Signature + "\u0020\0\0\0", "127.0.0.1" },
        { "", "127.0.0.1" },
    };

    [Theory]
    [MemberData(nameof(Bad))]
    public async Task AMalformedHeaderEndsTheConnection(string name, string header)
    {
        Assert.NotEmpty(name);
        (await rig.AttackAsync(header)).IsRefused();
        await rig.ServesAsync();
    }

    [Theory]
    [MemberData(nameof(Good))]
    public async Task TheBackendSeesTheAnnouncedAddress(string header, string address)
    {
        var outcome = await rig.AttackAsync(header);

        Assert.Equal([AttackRig.NextLine], outcome.SeenLines);
        Assert.Contains($"\r\nX-Forwarded-For: {address}\r\n", outcome.Seen[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnAnnouncedClientIsNotTrustedItself()
    {
        var outcome = await rig.SendAsync(
            "PROXY TCP4 203.0.113.7 127.0.0.1 4711 80\r\nGET /attack HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            + "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\nX-Edge-Subject: root\r\n\r\n");

        Assert.Contains("\r\nX-Forwarded-For: 203.0.113.7\r\n", outcome.Seen[0], StringComparison.Ordinal);
        Assert.DoesNotMatch("6\\.6\\.6\\.6|https|evil|root", outcome.Seen[0]);
    }

    [Fact]
    public async Task AHeaderInPiecesIsOneHeader()
    {
        rig.Backend.Forget();
        using var client = await RawClient.ConnectAsync(rig.Url);
        foreach (var piece in Encoding.ASCII.GetBytes("PROXY TCP4 203.0.113.7 127.0.0.1 4711 80\r\n").Chunk(1))
        {
            await client.SendAsync(piece);
        }

        await client.SendAsync(AttackRig.Next);
        await client.ReceiveAllAsync();
        Assert.Contains("\r\nX-Forwarded-For: 203.0.113.7\r\n", Assert.Single(rig.Backend.Seen), StringComparison.Ordinal);
    }

    public sealed class Rig : AttackRig
    {
        protected override string[] Settings => ["Edge:TrustedProxies=127.0.0.1"];
    }
}
