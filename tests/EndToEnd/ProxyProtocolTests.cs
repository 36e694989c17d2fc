using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace EndToEnd;

/// <summary>PROXY headers before the first byte of a connection (HAProxy's "The PROXY protocol", versions 1 and 2).</summary>
public class ProxyProtocolTests
{
    private const string Request = "GET /api/v2/buildinfo HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n";
    private const string Trusted = "Edge:TrustedProxies=127.0.0.1";

    public static TheoryData<byte[], string> Headers => new()
    {
        { Line("PROXY TCP4 203.0.113.7 192.0.2.1 56324 443\r\n"), "203.0.113.7" },
        { Line("PROXY TCP6 2001:db8::7 2001:db8::1 56324 443\r\n"), "2001:db8::7" },
        { Line("PROXY TCP6 ::ffff:203.0.113.7 ::ffff:192.0.2.1 56324 443\r\n"), "203.0.113.7" },
        { Line("PROXY UNKNOWN\r\n"), "127.0.0.1" },
        { Binary(0x21, 0x11, [203, 0, 113, 7, 192, 0, 2, 1, 0xDC, 4, 1, 187]), "203.0.113.7" },
        { Binary(0x21, 0x11, [203, 0, 113, 7, 192, 0, 2, 1, 0xDC, 4, 1, 187, /* a TLV */ 4, 0, 1, 0]), "203.0.113.7" },
        {
            Binary(0x21, 0x21, [.. IPAddress.Parse("2001:db8::7").GetAddressBytes(), .. IPAddress.Parse("2001:db8::1").GetAddressBytes(),
                0xDC, 4, 1, 187]),
            "2001:db8::7"
        },
        { Binary(0x20, 0x00, []), "127.0.0.1" },
    };

    [Theory]
    [MemberData(nameof(Headers))]
    public async Task ARequestComesFromTheAnnouncedAddress(byte[] header, string address)
    {
        await using var backend = await TestBackend.StartAsync(EchoOriginAsync);
        await using var edge = await TestNode.StartAsync("Edge:Mode=edge", $"Edge:Backends={backend.Url}", Trusted);
        using var client = await RawClient.ConnectAsync(edge.PublicUrl);

        // In the LOCAL and UNKNOWN cases the proxy speaks for itself: then its X-Forwarded-For is believed.
        await client.SendAsync(header);
        await client.SendAsync(address == "127.0.0.1"
            ? Request.Replace("X-Forwarded-For: 6.6.6.6\r\n", "", StringComparison.Ordinal)
            : Request);

        var answer = await client.ReceiveUntilAsync("\r\n0\r\n\r\n");
        Assert.Contains($"http from '{address}'", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task AStreamComesFromTheAnnouncedAddress(int version)
    {
        await using var backend = new RawBackend(
            async (socket, _) => await socket.SendAsync(Encoding.Latin1.GetBytes(RawBackend.Accept())));
        await using var edge = await TestNode.StartAsync("Edge:Mode=edge", $"Edge:Backends={backend.Url}", Trusted);
        using var client = await RawClient.ConnectAsync(edge.PublicUrl);

        // In one packet with the upgrade, as proxies send it.
        var header = version == 1
            ? Line("PROXY TCP4 203.0.113.7 192.0.2.1 56324 443\r\n")
            : Binary(0x21, 0x11, [203, 0, 113, 7, 192, 0, 2, 1, 0xDC, 4, 1, 187]);
        await client.SendAsync((byte[])[.. header, .. Line(StreamTests.UpgradeHead("/api/v2/workspaceagents/x/pty"))]);
        var answer = await client.ReceiveHeadAsync();

        Assert.StartsWith("HTTP/1.1 101 ", answer, StringComparison.Ordinal);
        Assert.Contains("\r\nX-Forwarded-For: 203.0.113.7\r\n", await backend.HeadAsync(), StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task TheHeaderComesBeforeTls()
    {
        using var directory = new TemporaryDirectory();
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using (var certificate = new CertificateRequest("CN=edge", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(30)))
        {
            await File.WriteAllTextAsync(directory.File("tls.pem"), certificate.ExportCertificatePem());
            await File.WriteAllTextAsync(directory.File("tls.key"), key.ExportPkcs8PrivateKeyPem());
        }

        await using var backend = await TestBackend.StartAsync(EchoOriginAsync);
        await using var edge = await TestNode.StartAsync(
            "Edge:Mode=edge",
            $"Edge:Backends={backend.Url}",
            Trusted,
            "Kestrel:Endpoints:Tls:Url=https://127.0.0.1:0",
            $"Kestrel:Endpoints:Tls:Certificate:Path={directory.File("tls.pem")}",
            $"Kestrel:Endpoints:Tls:Certificate:KeyPath={directory.File("tls.key")}");
        using var client = await RawClient.ConnectAsync(edge.PublicUrl);

        await client.SendAsync(Line("PROXY TCP4 203.0.113.7 192.0.2.1 56324 443\r\n"));
        await using var tls = new SslStream(new NetworkStream(client.Socket), false, static (_, _, _, _) => true);
        await tls.AuthenticateAsClientAsync("edge").WaitAsync(TestNode.Patience);
        await tls.WriteAsync(Line(Request));
        using var reader = new StreamReader(tls);
        string? line;
        do
        {
            line = await reader.ReadLineAsync().WaitAsync(TestNode.Patience);
        }
        while (line?.Contains("from '", StringComparison.Ordinal) is false);

        Assert.Equal("https from '203.0.113.7'", line);
    }

    [Fact]
    public async Task AHeaderFromAnybodyElseIsABadRequest()
    {
        await using var backend = await TestBackend.StartAsync(EchoOriginAsync);
        await using var edge = await TestNode.StartAsync("Edge:Mode=edge", $"Edge:Backends={backend.Url}", Trusted);
        foreach (var header in new[]
        {
            Line("PROXY TCP4 203.0.113.7 192.0.2.1 56324 443\r\n"), Binary(0x21, 0x11, [203, 0, 113, 7, 192, 0, 2, 1, 0xDC, 4, 1, 187]),
        })
        {
            using var client = await RawClient.ConnectAsync(edge.PublicUrl, "127.0.0.2");
            await client.SendAsync((byte[])[.. header, .. Line(Request)]);

            Assert.StartsWith("HTTP/1.1 400 ", await client.ReceiveAllAsync(), StringComparison.Ordinal);
        }

        Assert.Empty(backend.Requests);
    }

    [Fact]
    public async Task TheLimitOfAnAddressCountsTheAnnouncedOneAndTheProxyItselfIsExempt()
    {
        await using var backend = await TestBackend.StartAsync(EchoOriginAsync);
        await using var edge = await TestNode.StartAsync(
            "Edge:Mode=edge", $"Edge:Backends={backend.Url}", Trusted, "Edge:Limits:MaxConnectionsPerAddress=1000",
            "Edge:RateLimit:PerMinute=0");
        var first = "PROXY TCP4 203.0.113.7 192.0.2.1 56324 443\r\n";

        await using var crowd = await Crowd.ArriveAsync(edge.PublicUrl, 1000, first);

        Assert.Equal("", await Crowd.TryAsync(edge.PublicUrl, first));
        Assert.StartsWith(
            "HTTP/1.1 200 ",
            await Crowd.TryAsync(edge.PublicUrl, "PROXY TCP4 203.0.113.8 192.0.2.1 56324 443\r\n"),
            StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 200 ", await Crowd.TryAsync(edge.PublicUrl, ""), StringComparison.Ordinal);
        await crowd.AssertServedAsync();

        crowd.LeaveOne();
        await Eventually.TrueAsync(async () => (await Crowd.TryAsync(edge.PublicUrl, first)).Length > 0, "the place is free again");
    }

    private static byte[] Line(string text) => Encoding.Latin1.GetBytes(text);

    private static byte[] Binary(byte command, byte family, byte[] body) =>
        [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A, command, family, 0, (byte)body.Length, .. body];

    private static Task EchoOriginAsync(HttpContext context) =>
        context.Response.WriteAsync($"{context.Request.Headers["X-Forwarded-Proto"]} from '{context.Request.Headers["X-Forwarded-For"]}'");
}
