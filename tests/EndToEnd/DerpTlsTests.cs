using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Relay.Derp.Wire;

namespace EndToEnd;

/// <summary>The meta-certificate, by which clients know the relay's key before they have said anything.</summary>
public class DerpTlsTests
{
    [Theory]
    [InlineData(SslProtocols.Tls13)]
    [InlineData(SslProtocols.Tls12)]
    public async Task TheRelaysKeyStandsInTheChainWhateverTheVersion(SslProtocols protocol)
    {
        using var directory = new TemporaryDirectory();
        await using var edge = await StartAsync(directory);
        var (tls, sent) = await ConnectAsync(edge.PublicUrl, protocol);
        using var _ = tls;

        Assert.Equal(2, sent.Count);
        Assert.Equal("CN=leaf", sent[0].Subject);
        var meta = sent[1];
        Assert.Matches("^CN=derpkey[0-9a-f]{64}$", meta.Subject);
        Assert.Equal((meta.Subject, "02"), (meta.Issuer, meta.SerialNumber));
        Assert.IsType<X509BasicConstraintsExtension>(Assert.Single(meta.Extensions));
        Assert.InRange(meta.NotAfter, DateTime.Now.AddDays(29), DateTime.Now.AddDays(31));
        Assert.InRange(meta.NotBefore, DateTime.Now.AddDays(-31), DateTime.Now.AddDays(-29));
    }

    [Fact]
    public async Task AFastStartWithTheKeyFromTheHandshakeIsAnsweredByFramesOnly()
    {
        using var directory = new TemporaryDirectory();
        await using var edge = await StartAsync(directory);
        var (tls, sent) = await ConnectAsync(edge.PublicUrl, SslProtocols.Tls13);
        Assert.True(NodeKey.TryParseHex(sent[1].Subject.AsSpan("CN=derpkey".Length), out var key));

        using var peer = await DerpPeer.FastStartAsync(tls, key);

        Assert.Equal((key, ""), (peer.ServerKey, peer.Answer));
        await peer.SendAsync(peer.Key, "to myself"u8.ToArray());
        Assert.Equal("to myself"u8.ToArray(), await peer.ExpectAsync(peer.Key));
    }

    [Theory]
    [InlineData("GET /derp HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: DERP\r\n\r\n")]
    [InlineData("GET /derp HTTP/1.0\r\nUpgrade: DERP\r\n\r\n")]
    public async Task TheAnswerToAnUpgradeComesBeforeTheFirstFrame(string request)
    {
        using var directory = new TemporaryDirectory();
        await using var edge = await StartAsync(directory);
        var (tls, _) = await ConnectAsync(edge.PublicUrl, SslProtocols.Tls13);
        using var session = tls;

        await tls.WriteAsync(Encoding.ASCII.GetBytes(request));
        var received = "";
        var buffer = new byte[1024];
        while (!received.Contains("\r\n\r\n\u0001\0\0\0\u0028DERP", StringComparison.Ordinal))
        {
            var count = await tls.ReadAsync(buffer).AsTask().WaitAsync(TestNode.Patience);
            Assert.True(count > 0, received);
            received += Encoding.Latin1.GetString(buffer, 0, count);
        }

        Assert.StartsWith("HTTP/1.1 101 ", received, StringComparison.Ordinal);
        Assert.Contains("\r\nUpgrade: DERP\r\n", received, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task ARefusedFastStartEndsInOrderAndNotByAReset()
    {
        using var directory = new TemporaryDirectory();
        await using var edge = await StartAsync(directory);
        var (tls, _) = await ConnectAsync(edge.PublicUrl, SslProtocols.Tls13);
        using var session = tls;

        // A SendPacket frame where ClientInfo is due.
        await tls.WriteAsync(
            "GET /derp HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nDerp-Fast-Start: 1\r\nUpgrade: DERP\r\n\r\n\u0004\0\0\0\u0001x"u8
                .ToArray());
        using var received = new MemoryStream();
        await tls.CopyToAsync(received).WaitAsync(TestNode.Patience);
        Assert.Equal(1, received.GetBuffer()[0]); // ServerKey
        Assert.Equal(5 + 40, received.Length);
    }

    [Fact]
    public async Task WhereDerpIsNotServedTheChainIsAsItIsInTheFile()
    {
        using var directory = new TemporaryDirectory();
        await using var edge = await StartAsync(directory, "Relay:Derp:Mode=off");
        var (tls, sent) = await ConnectAsync(edge.PublicUrl, SslProtocols.Tls13);
        using var _ = tls;

        Assert.Equal("CN=leaf", Assert.Single(sent).Subject);
    }

    private static Task<TestNode> StartAsync(TemporaryDirectory directory, params string[] settings)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var leaf = new CertificateRequest("CN=leaf", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(30));
        File.WriteAllText(directory.File("tls.pem"), leaf.ExportCertificatePem());
        File.WriteAllText(directory.File("tls.key"), key.ExportPkcs8PrivateKeyPem());
        return TestNode.StartAsync([
            "Edge:Mode=relay",
            "Kestrel:Endpoints:Tls:Url=https://127.0.0.1:0",
            $"Kestrel:Endpoints:Tls:Certificate:Path={directory.File("tls.pem")}",
            $"Kestrel:Endpoints:Tls:Certificate:KeyPath={directory.File("tls.key")}",
            .. settings]);
    }

    /// <summary>A TLS session, and the certificates that the server sent.</summary>
    private static async Task<(SslStream Tls, List<X509Certificate2> Sent)> ConnectAsync(Uri url, SslProtocols protocol)
    {
        var sent = new List<X509Certificate2>();
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPAddress.Loopback, url.Port);
        var tls = new SslStream(new NetworkStream(socket, ownsSocket: true));
        var options = new SslClientAuthenticationOptions
        {
            TargetHost = "localhost",
            EnabledSslProtocols = protocol,
            RemoteCertificateValidationCallback = (_, certificate, chain, _) =>
            {
                sent.Add(X509CertificateLoader.LoadCertificate(certificate!.Export(X509ContentType.Cert)));
                sent.AddRange(chain!.ChainPolicy.ExtraStore.Select(static extra => X509CertificateLoader.LoadCertificate(extra.RawData)));
                return true;
            },
        };
        await tls.AuthenticateAsClientAsync(options).WaitAsync(TestNode.Patience);
        Assert.Equal(protocol, tls.SslProtocol);
        return (tls, [.. sent.DistinctBy(static certificate => certificate.Thumbprint)]);
    }
}
