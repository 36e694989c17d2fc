using System.Net;
using System.Net.Security;
using System.Net.Sockets;

namespace EndToEnd;

/// <summary>Certificates of every form that is in use, in real handshakes; one by name, and all of them read again.</summary>
public sealed class CertificateTests : IDisposable
{
    private const string Password = "pbqdz-secret";
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("intermediate before the leaf")]
    [InlineData("DER")]
    [InlineData("key in the same file")]
    [InlineData("encrypted key")]
    [InlineData("PKCS #12")]
    public async Task AHandshakePresentsTheCertificateWithItsChain(string form)
    {
        using var root = TestCertificate.Create("root", isAuthority: true);
        using var middle = TestCertificate.Create("middle", root, isAuthority: true);
        using var leaf = TestCertificate.Create("leaf", middle);
        string[] settings = form switch
        {
            "intermediate before the leaf" =>
                [$"Path={Write("tls.pem", middle.Pem + "\n" + leaf.Pem)}", $"KeyPath={Write("tls.key", leaf.KeyPem)}"],
            "DER" => [$"Path={Write("tls.crt", leaf.Der)}", $"KeyPath={Write("tls.key", leaf.KeyPem)}"],
            "key in the same file" => [$"Path={Write("tls.pem", leaf.KeyPem + "\n" + leaf.Pem + "\n" + middle.Pem)}"],
            "encrypted key" =>
                [
                    $"Path={Write("tls.pem", leaf.Pem + "\n" + middle.Pem)}", $"KeyPath={Write("tls.key", leaf.EncryptedKeyPem(Password))}",
                    $"Password={Password}",
                ],
            _ => [$"Path={Write("tls.pfx", leaf.Pkcs12(Password))}", $"Password={Password}"],
        };
        await using var edge = await TestNode.StartAsync(
            [
                "Edge:Mode=relay", "Kestrel:Endpoints:Tls:Url=https://127.0.0.1:0",
                .. settings.Select(static setting => $"Kestrel:Endpoints:Tls:Certificate:{setting}"),
            ]);

        var sent = await HandshakeAsync(edge.PublicUrl.Port, "localhost");

        Assert.Equal("CN=leaf", sent[0]);
        if (form is not ("DER" or "PKCS #12"))
        {
            Assert.Contains("CN=middle", sent);
        }

        Assert.DoesNotContain(edge.Log.Lines, static line => line.Contains(Password, StringComparison.Ordinal));
    }

    [Fact]
    public async Task TheDefaultCertificateServesUrls()
    {
        using var leaf = TestCertificate.Create("default");
        await using var edge = await TestNode.StartAsync(
            "Edge:Mode=relay",
            "urls=https://127.0.0.1:0",
            $"Kestrel:Certificates:Default:Path={Write("tls.pem", leaf.Pem)}",
            $"Kestrel:Certificates:Default:KeyPath={Write("tls.key", leaf.KeyPem)}");

        Assert.Equal("CN=default", (await HandshakeAsync(edge.PublicUrl.Port, "localhost"))[0]);
    }

    [Fact]
    public async Task EveryNameGetsItsOwnCertificateBesideOneForTheRest()
    {
        using var a = TestCertificate.Create("a");
        using var wildcard = TestCertificate.Create("wildcard");
        using var rest = TestCertificate.Create("rest");
        using var fallback = TestCertificate.Create("fallback");
        await using var edge = await TestNode.StartAsync(
        [
            "Edge:Mode=relay",
            "Kestrel:Endpoints:Tls:Url=https://127.0.0.1:0",
            .. Files("Kestrel:Certificates:Default", fallback),
            .. Files("Kestrel:Endpoints:Tls:Certificate", rest),
            .. Files("Kestrel:Endpoints:Tls:Sni:a.example:Certificate", a),
            .. Files("Kestrel:Endpoints:Tls:Sni:*.b.example:Certificate", wildcard),
            "Kestrel:Endpoints:Tls:Sni:*:Protocols=Http1",
        ]);

        Assert.Equal("CN=a", (await HandshakeAsync(edge.PublicUrl.Port, "a.example"))[0]);
        Assert.Equal("CN=wildcard", (await HandshakeAsync(edge.PublicUrl.Port, "x.b.example"))[0]);
        Assert.Equal("CN=rest", (await HandshakeAsync(edge.PublicUrl.Port, "elsewhere.example"))[0]);
    }

    [Fact]
    public async Task ACertificateByNameIsReadAgainAndKeptWhileItsFilesCannotBeUsed()
    {
        using var first = TestCertificate.Create("first");
        using var second = TestCertificate.Create("second");
        var settings = Files("Kestrel:Endpoints:Tls:Sni:a.example:Certificate", first);
        await using var edge = await TestNode.StartAsync(["Edge:Mode=relay", "Kestrel:Endpoints:Tls:Url=https://127.0.0.1:0", .. settings]);
        var (pem, key) = (settings[0].Split('=')[1], settings[1].Split('=')[1]);

        File.WriteAllText(pem, second.Pem + "\n");
        await Eventually.TrueAsync(
            async () => (await HandshakeAsync(edge.PublicUrl.Port, "a.example"))[0] == "CN=first"
                && edge.Log.Lines.Any(static line => line.Contains("belongs to no certificate", StringComparison.Ordinal)),
            "the key that does not fit is noticed, and the old certificate served");
        File.WriteAllText(key, second.KeyPem);
        await Eventually.TrueAsync(
            async () => (await HandshakeAsync(edge.PublicUrl.Port, "a.example"))[0] == "CN=second", "the new certificate is served");
    }

    private string[] Files(string section, TestCertificate certificate)
    {
        var name = Guid.NewGuid().ToString("N");
        return [$"{section}:Path={Write($"{name}.pem", certificate.Pem)}", $"{section}:KeyPath={Write($"{name}.key", certificate.KeyPem)}"];
    }

    private string Write(string name, string content) => Write(name, System.Text.Encoding.UTF8.GetBytes(content));

    private string Write(string name, byte[] content)
    {
        File.WriteAllBytes(_directory.File(name), content);
        return _directory.File(name);
    }

    /// <summary>The subjects of what the server sent, its own certificate first.</summary>
    private static async Task<IReadOnlyList<string>> HandshakeAsync(int port, string name)
    {
        var sent = new List<string>();
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, port);
        using var tls = new SslStream(new NetworkStream(socket, ownsSocket: true), false, (_, certificate, chain, _) =>
        {
            sent.Add(certificate!.Subject);
            sent.AddRange(chain!.ChainPolicy.ExtraStore.Select(static one => one.Subject));
            return true;
        });
        await tls.AuthenticateAsClientAsync(name).WaitAsync(TestNode.Patience);
        return sent;
    }
}
