using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text.RegularExpressions;
using Edge.Settings;
using Relay.Derp.Wire;

namespace EndToEnd;

/// <summary>
/// A public listener has the same TLS settings however TLS was configured: by https in <c>urls</c>, by an endpoint, or
/// by a server name (SNI) of an endpoint.
/// </summary>
public sealed partial class TlsListenerTests : IDisposable
{
    private const string Name = "localhost";
    private readonly TemporaryDirectory _directory = new();

    public static TheoryData<string> Ways => ["urls", "endpoint", "server name"];

    public void Dispose() => _directory.Dispose();

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task AStreamLeavesTheHttpLayerAndANewCertificateLeavesItAlone(string way)
    {
        await using var backend = await TestBackend.StartAsync(static async context =>
        {
            using var socket = await context.WebSockets.AcceptWebSocketAsync();
            await socket.EchoAsync();
        });
        await using var edge = await TestNode.StartAsync(["Edge:Mode=edge", $"Edge:Backends={backend.Url}", .. Settings(way, "first")]);
        using var socket = new ClientWebSocket();
        socket.Options.RemoteCertificateValidationCallback = static (_, _, _, _) => true;
        await socket.ConnectAsync(new Uri($"wss://{Name}:{edge.PublicUrl.Port}/ws"), CancellationToken.None).WaitAsync(TestNode.Patience);
        await socket.SendTextAsync("hello");
        Assert.Equal("hello", await socket.ReceiveTextAsync());
        await NoRequestRunsAsync(edge);

        Write("second");
        await Eventually.TrueAsync(
            async () =>
            {
                var (tls, sent) = await ConnectAsync(edge.PublicUrl, new SslClientAuthenticationOptions { TargetHost = Name });
                await tls.DisposeAsync();
                return sent[0] == "CN=second";
            },
            "the new certificate is served");

        await socket.SendTextAsync("still here");
        Assert.Equal("still here", await socket.ReceiveTextAsync());
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None).WaitAsync(TestNode.Patience);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task DerpFindsItsKeyInTheHandshakeAndLeavesTheHttpLayer(string way)
    {
        await using var edge = await TestNode.StartAsync(["Edge:Mode=relay", .. Settings(way, "leaf")]);
        var (tls, sent) = await ConnectAsync(edge.PublicUrl, new SslClientAuthenticationOptions { TargetHost = Name });
        var meta = Assert.Single(sent, static name => name.StartsWith("CN=derpkey", StringComparison.Ordinal));
        Assert.True(NodeKey.TryParseHex(meta.AsSpan("CN=derpkey".Length), out var key));

        using var peer = await DerpPeer.FastStartAsync(tls, key);
        await NoRequestRunsAsync(edge);

        await peer.SendAsync(peer.Key, "to myself"u8.ToArray());
        Assert.Equal("to myself"u8.ToArray(), await peer.ExpectAsync(peer.Key));
    }

    [Fact]
    public async Task EveryServerNameHasItsOwnProtocolsAndClientCertificates()
    {
        const string Sni = "Kestrel:Endpoints:Tls:Sni";
        await using var edge = await TestNode.StartAsync(
        [
            "Edge:Mode=relay",
            "Kestrel:Endpoints:Tls:Url=https://127.0.0.1:0",
            .. Files("Kestrel:Endpoints:Tls:Certificate", "leaf"),
            $"{Sni}:one.example:SslProtocols=Tls12",
            $"{Sni}:both.example:Protocols=Http1AndHttp2",
            $"{Sni}:two.example:Protocols=Http2",
            $"{Sni}:asked.example:ClientCertificateMode=AllowCertificate",
            $"{Sni}:strict.example:ClientCertificateMode=RequireCertificate",
        ]);
        using var unknown = X509CertificateLoader.LoadPkcs12(TestCertificate.Create("nobody").Pkcs12(null), null);

        Assert.Equal(
            (SslApplicationProtocol.Http11, SslProtocols.Tls12),
            await AnsweredAsync("one.example", [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11]));
        Assert.Equal(
            (SslApplicationProtocol.Http2, SslProtocols.Tls13),
            await NegotiatedAsync("both.example", [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11]));
        Assert.Equal(
            (SslApplicationProtocol.Http2, SslProtocols.Tls13),
            await NegotiatedAsync("two.example", [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11]));
        await AnsweredAsync("both.example", null);
        await AnsweredAsync("asked.example", null);
        await RefusedAsync("asked.example", unknown);
        await RefusedAsync("strict.example");
        await RefusedAsync("two.example");
        await RefusedAsync("elsewhere.example");
        await RefusedAsync(string.Empty);

        async Task<(SslApplicationProtocol, SslProtocols)> NegotiatedAsync(string name, List<SslApplicationProtocol> offered)
        {
            var (tls, _) = await ConnectAsync(
                edge.PublicUrl, new SslClientAuthenticationOptions { TargetHost = name, ApplicationProtocols = offered });
            await using (tls)
            {
                return (tls.NegotiatedApplicationProtocol, tls.SslProtocol);
            }
        }

        async Task<(SslApplicationProtocol, SslProtocols)> AnsweredAsync(string name, List<SslApplicationProtocol>? offered)
        {
            var (tls, _) = await ConnectAsync(
                edge.PublicUrl, new SslClientAuthenticationOptions { TargetHost = name, ApplicationProtocols = offered });
            await using (tls)
            {
                Assert.Equal("HTTP/1.1 200", await AskAsync(tls));
                return (tls.NegotiatedApplicationProtocol, tls.SslProtocol);
            }
        }

        // TLS 1.3 tells the client only after its own handshake.
        async Task RefusedAsync(string name, X509Certificate2? certificate = null)
        {
            try
            {
                var (tls, _) = await ConnectAsync(edge.PublicUrl, new SslClientAuthenticationOptions
                {
                    TargetHost = name,
                    ClientCertificates = certificate is null ? null : [certificate],
                });
                await using (tls)
                {
                    Assert.Equal(string.Empty, await AskAsync(tls));
                }
            }
            catch (Exception error) when (error is AuthenticationException or IOException)
            {
                return;
            }
        }
    }

    [Fact]
    public async Task TheDefaultsOfEndpointsHoldForUrlsToo()
    {
        await using var edge = await TestNode.StartAsync(
            [
                "Edge:Mode=relay", .. Settings("urls", "leaf"), "Kestrel:EndpointDefaults:Protocols=Http1AndHttp2",
                "Kestrel:EndpointDefaults:SslProtocols=Tls12",
            ]);

        var (tls, _) = await ConnectAsync(
            edge.PublicUrl, new SslClientAuthenticationOptions
            {
                TargetHost = Name,
                ApplicationProtocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11],
            });

        await using (tls)
        {
            Assert.Equal((SslApplicationProtocol.Http2, SslProtocols.Tls12), (tls.NegotiatedApplicationProtocol, tls.SslProtocol));
        }
    }

    // The defaults depend on the addresses that the node really listens on. Endpoints win over urls.
    [Fact]
    public async Task EndpointsWinOverUrlsInWhatIsOpenToOthersToo()
    {
        var error = await Assert.ThrowsAsync<SettingsException>(
            () => TestNode.StartAsync("Edge:Mode=relay", "urls=http://127.0.0.1:0", "Kestrel:Endpoints:It:Url=http://0.0.0.0:0"));
        Assert.StartsWith("Relay:Derp:Admission", error.Message, StringComparison.Ordinal);

        await using var edge = await TestNode.StartAsync(
            "Edge:Mode=relay", "urls=http://0.0.0.0:0", "Kestrel:Endpoints:It:Url=http://127.0.0.1:0");
        Assert.Equal("127.0.0.1", edge.PublicUrl.Host);
        Assert.Contains(
            edge.Log.Lines,
            static line => line.StartsWith("Warning", StringComparison.Ordinal)
                && line.Contains("http://0.0.0.0:0", StringComparison.Ordinal));
    }

    [Fact]
    public async Task UrlsWithoutAnAddressStopTheStart()
    {
        var error = await Assert.ThrowsAsync<SettingsException>(() => TestNode.StartAsync("Edge:Mode=relay", "urls=;"));
        Assert.StartsWith("urls = \";\"", error.Message, StringComparison.Ordinal);
    }

    // The HTTP layer counts a stream as an active request until it hands the connection over.
    private static Task NoRequestRunsAsync(TestNode edge) => Eventually.TrueAsync(
        async () => Running().Matches(await edge.Admin.GetStringAsync("/metrics")) is { Count: > 0 } running
            && running.All(static one => int.Parse(one.Groups[1].Value, CultureInfo.InvariantCulture) == 0),
        "the HTTP layer has let go of the stream");

    [GeneratedRegex("^http_server_active_requests\\{[^}]*url_scheme=\"https\"[^}]*\\} ([0-9]+)$", RegexOptions.Multiline)]
    private static partial Regex Running();

    private string[] Settings(string way, string subject) => way switch
    {
        "urls" => ["urls=https://127.0.0.1:0", .. Files("Kestrel:Certificates:Default", subject)],
        "endpoint" => ["Kestrel:Endpoints:Tls:Url=https://127.0.0.1:0", .. Files("Kestrel:Endpoints:Tls:Certificate", subject)],
        _ => ["Kestrel:Endpoints:Tls:Url=https://127.0.0.1:0", .. Files($"Kestrel:Endpoints:Tls:Sni:{Name}:Certificate", subject)],
    };

    private string[] Files(string section, string subject)
    {
        Write(subject);
        return [$"{section}:Path={_directory.File("tls.pem")}"];
    }

    // With its key in one file, which is replaced at once: there is no moment at which the two do not fit.
    private void Write(string subject)
    {
        using var certificate = TestCertificate.Create(subject);
        File.WriteAllText(_directory.File("new.pem"), certificate.KeyPem + "\n" + certificate.Pem);
        File.Move(_directory.File("new.pem"), _directory.File("tls.pem"), overwrite: true);
    }

    private static async Task<string> AskAsync(SslStream tls)
    {
        await tls.WriteAsync("GET /derp/probe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"u8.ToArray());
        using var reader = new StreamReader(tls, leaveOpen: true);
        var answer = await reader.ReadToEndAsync().WaitAsync(TestNode.Patience);
        return answer.Length > 0 ? answer[.."HTTP/1.1 200".Length] : answer;
    }

    /// <summary>A TLS session, and the subjects of what the server sent, its own certificate first.</summary>
    private static async Task<(SslStream Tls, List<string> Sent)> ConnectAsync(Uri url, SslClientAuthenticationOptions options)
    {
        var sent = new List<string>();
        options.RemoteCertificateValidationCallback = (_, certificate, chain, _) =>
        {
            sent.Add(certificate!.Subject);
            sent.AddRange(chain!.ChainPolicy.ExtraStore.Select(static one => one.Subject).Where(name => name != sent[0]));
            return true;
        };
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPAddress.Loopback, url.Port);
        var tls = new SslStream(new NetworkStream(socket, ownsSocket: true));
        try
        {
            await tls.AuthenticateAsClientAsync(options).WaitAsync(TestNode.Patience);
            return (tls, sent);
        }
        catch
        {
            await tls.DisposeAsync();
            throw;
        }
    }
}
