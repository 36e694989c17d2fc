using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Http;

namespace EndToEnd;

/// <summary>TLS on the public listener, by Kestrel's own settings.</summary>
public class TlsTests
{
    [Fact]
    public async Task OverTlsRequestsAndStreamsWorkAndHttp2IsNotOfferedUnlessTurnedOn()
    {
        using var directory = new TemporaryDirectory();
        WriteCertificate(directory, "first");
        await using var backend = await TestBackend.StartAsync(AnswerAsync);
        await using var edge = await TestNode.StartAsync(Settings(directory, backend));

        using var tls = await ConnectAsync(edge.PublicUrl, [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11]);
        Assert.Equal(SslApplicationProtocol.Http11, tls.NegotiatedApplicationProtocol);

        using var http = Client();
        Assert.Equal("https", await http.GetStringAsync(new Uri(edge.PublicUrl, "/proto")));
        using var socket = new System.Net.WebSockets.ClientWebSocket();
        socket.Options.RemoteCertificateValidationCallback = static (_, _, _, _) => true;
        await socket.ConnectAsync(new Uri($"wss://{edge.PublicUrl.Authority}/ws"), CancellationToken.None).WaitAsync(TestNode.Patience);
        await socket.SendTextAsync("hello");
        Assert.Equal("hello", await socket.ReceiveTextAsync());
    }

    [Fact]
    public async Task AnEndpointWithHttp2TurnedOnNegotiatesIt()
    {
        using var directory = new TemporaryDirectory();
        WriteCertificate(directory, "first");
        await using var backend = await TestBackend.StartAsync(AnswerAsync);
        await using var edge = await TestNode.StartAsync(
            [.. Settings(directory, backend), "Kestrel:Endpoints:Tls:Protocols=Http1AndHttp2"]);

        using var http = Client();
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(edge.PublicUrl, "/proto"))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        using var answer = await http.SendAsync(request);

        Assert.Equal(HttpVersion.Version20, answer.Version);
        Assert.Equal("https", await answer.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task ANewCertificateFileIsServedWithoutARestartAndLeavesStreamsAlone()
    {
        using var directory = new TemporaryDirectory();
        WriteCertificate(directory, "first");
        await using var backend = await TestBackend.StartAsync(AnswerAsync);
        await using var edge = await TestNode.StartAsync(Settings(directory, backend));
        Assert.Equal("CN=first", await SubjectAsync(edge.PublicUrl));
        using var socket = new System.Net.WebSockets.ClientWebSocket();
        socket.Options.RemoteCertificateValidationCallback = static (_, _, _, _) => true;
        await socket.ConnectAsync(new Uri($"wss://{edge.PublicUrl.Authority}/ws"), CancellationToken.None).WaitAsync(TestNode.Patience);

        File.WriteAllText(directory.File("tls.pem"), "half a certif");
        await Eventually.TrueAsync(
            async () => await SubjectAsync(edge.PublicUrl) == "CN=first"
                && edge.Log.Lines.Any(static line => line.Contains("the old certificate stays in use", StringComparison.Ordinal)),
            "the broken file is noticed, and the old certificate served");
        WriteCertificate(directory, "second");
        await Eventually.TrueAsync(async () => await SubjectAsync(edge.PublicUrl) == "CN=second", "the new certificate is served");

        await socket.SendTextAsync("still here");
        Assert.Equal("still here", await socket.ReceiveTextAsync());
    }

    [Fact]
    public async Task TheChainIsSentWithTheCertificate()
    {
        using var directory = new TemporaryDirectory();
        using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var rootRequest = new CertificateRequest("CN=root", rootKey, HashAlgorithmName.SHA256);
        rootRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var root = rootRequest.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(30));
        using var middleKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var middleRequest = new CertificateRequest("CN=middle", middleKey, HashAlgorithmName.SHA256);
        middleRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var middle = middleRequest.Create(root, DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(29), [1, 2, 3])
            .CopyWithPrivateKey(middleKey);
        using var leafKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var leaf = new CertificateRequest("CN=leaf", leafKey, HashAlgorithmName.SHA256)
            .Create(middle, DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(28), [4, 5, 6]);
        File.WriteAllText(directory.File("tls.key"), leafKey.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(directory.File("tls.pem"), leaf.ExportCertificatePem() + "\n" + middle.ExportCertificatePem());
        await using var backend = await TestBackend.StartAsync(AnswerAsync);
        await using var edge = await TestNode.StartAsync(Settings(directory, backend));

        var sent = new List<string>();
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, edge.PublicUrl.Port);
        using var tls = new SslStream(new NetworkStream(socket, ownsSocket: true), false, (_, _, chain, _) =>
        {
            sent.AddRange(chain!.ChainPolicy.ExtraStore.Select(static certificate => certificate.Subject));
            return true;
        });
        await tls.AuthenticateAsClientAsync("localhost");

        Assert.Contains("CN=middle", sent);
    }

    private static string[] Settings(TemporaryDirectory directory, TestBackend backend) =>
    [
        "Edge:Mode=edge",
        $"Edge:Backends={backend.Url}",
        "Kestrel:Endpoints:Tls:Url=https://127.0.0.1:0",
        $"Kestrel:Endpoints:Tls:Certificate:Path={directory.File("tls.pem")}",
        $"Kestrel:Endpoints:Tls:Certificate:KeyPath={directory.File("tls.key")}",
    ];

    private static async Task AnswerAsync(HttpContext context)
    {
        if (context.WebSockets.IsWebSocketRequest)
        {
            using var socket = await context.WebSockets.AcceptWebSocketAsync();
            await socket.EchoAsync();
            return;
        }

        await context.Response.WriteAsync(context.Request.Headers["X-Forwarded-Proto"].ToString());
    }

    private static HttpClient Client() => new(new SocketsHttpHandler
    {
        SslOptions = new SslClientAuthenticationOptions { RemoteCertificateValidationCallback = static (_, _, _, _) => true },
    });

    internal static async Task<string> SubjectAsync(Uri url)
    {
        using var tls = await ConnectAsync(url, [SslApplicationProtocol.Http11]);
        return tls.RemoteCertificate!.Subject;
    }

    private static async Task<SslStream> ConnectAsync(Uri url, List<SslApplicationProtocol> protocols)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, url.Port);
        var tls = new SslStream(new NetworkStream(socket, ownsSocket: true));
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "localhost",
            ApplicationProtocols = protocols,
            RemoteCertificateValidationCallback = static (_, _, _, _) => true,
        });
        return tls;
    }

    // Key first: the file that is watched is the certificate's.
    private static void WriteCertificate(TemporaryDirectory directory, string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(30));
        File.WriteAllText(directory.File("tls.key"), key.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(directory.File("tls.pem"), certificate.ExportCertificatePem());
    }
}
