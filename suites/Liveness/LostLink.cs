using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace LivenessSuite;

/// <summary>
/// An edge with streams of every kind to a network whose link is cut, and two to one whose link is not but whose ends do not read. All wait
/// at the same time: what the kernel takes its time for cannot be hurried.
/// </summary>
public sealed class LostLink : IAsyncLifetime
{
    private const int PausedBytes = 48 << 20;

    private readonly TemporaryDirectory _directory = new();
    private readonly FarNetwork _gone = new(1);
    private readonly FarNetwork _here = new(2);
    private readonly List<Peer> _peers = [];
    private readonly Dictionary<string, Task<TimeSpan>> _ends = [];
    private readonly Stopwatch _sinceCut = new();
    private readonly CancellationTokenSource _over = new();
    private readonly HttpMessageInvoker _http2;
    private readonly ClientWebSocket _socket2 = new();
    private EdgeProcess _edge = null!;
    private Socket _goneListener = null!;
    private Socket _hereListener = null!;
    private (Peer Reader, Task BulkTransfer) _pausedClient;
    private (Peer Reader, Task BulkTransfer) _pausedBackend;

    public LostLink()
    {
        var handler = new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancellation) =>
            {
                var socket = _gone.NewSocket();
                await socket.ConnectAsync(EdgeAt("https"), cancellation);
                return new NetworkStream(socket, ownsSocket: true);
            },
        };
        handler.SslOptions.RemoteCertificateValidationCallback = static (_, _, _, _) => true;
        _http2 = new HttpMessageInvoker(handler);
    }

    /// <summary>When each stream's living end was told, counted from the cut.</summary>
    internal Task<TimeSpan> EndOf(string stream) => _ends[stream];

    public async ValueTask InitializeAsync()
    {
        _goneListener = Listen(_gone);
        _hereListener = Listen(_here);
        WriteCertificate();
        var near = _gone.Near;
        _edge = await EdgeProcess.StartAsync(
            _directory.Path,
            "--Edge:Mode=edge", "--Edge:Admin:Url=http://127.0.0.1:0", $"--Edge:DataDirectory={_directory.File("data")}",
            $"--Kestrel:Endpoints:Plain:Url=http://{near}:0",
            $"--Kestrel:Endpoints:Tls:Url=https://{near}:0", "--Kestrel:Endpoints:Tls:Protocols=Http1AndHttp2",
            $"--Kestrel:Endpoints:Tls:Certificate:Path={_directory.File("tls.pem")}",
            $"--Kestrel:Endpoints:Tls:Certificate:KeyPath={_directory.File("tls.pem")}",
            "--ReverseProxy:Routes:gone:ClusterId=gone", "--ReverseProxy:Routes:gone:Match:Path=/gone/{**rest}",
            "--ReverseProxy:Routes:terminal:ClusterId=gone", "--ReverseProxy:Routes:terminal:Match:Path=/api/{**rest}",
            "--ReverseProxy:Routes:here:ClusterId=here", "--ReverseProxy:Routes:here:Match:Path=/here/{**rest}",
            $"--ReverseProxy:Clusters:gone:Destinations:one:Address=http://{_goneListener.LocalEndPoint}",
            $"--ReverseProxy:Clusters:here:Destinations:one:Address=http://{_hereListener.LocalEndPoint}");
        Assert.True(_edge.Output.Contains("  stop ", StringComparison.Ordinal), _edge.Output);

        foreach (var tls in new[] { false, true })
        {
            var name = tls ? "a client over TLS" : "a client";
            var (_, silent) = await OpenAsync(_gone, tls, "/here/silent");
            Watch($"{name}, silent", silent);
            var (_, sender) = await OpenAsync(_gone, tls, "/here/sent-to");
            Watch($"{name}, sent to", sender);
            _ = SendAsync(sender, asClient: false, TimeSpan.FromMilliseconds(500));
        }

        var (_, late) = await OpenAsync(_gone, false, "/here/late");
        Watch("a client, sent to later", late);
        var two = await OpenHttp2Async();
        Watch("a client over HTTP/2, sent to", two);
        _ = SendAsync(two, asClient: false, TimeSpan.FromMilliseconds(500));

        var (toSilent, _) = await OpenAsync(null, false, "/gone/silent");
        Watch("an API server, silent", toSilent);
        var (toBackend, _) = await OpenAsync(null, false, "/gone/sent-to");
        Watch("an API server, sent to", toBackend);
        _ = SendAsync(toBackend, asClient: true, TimeSpan.FromMilliseconds(500));
        var (terminal, _) = await OpenAsync(null, false, $"/api/v2/workspaceagents/{Guid.NewGuid()}/pty?reconnect={Guid.NewGuid()}");
        Watch("a terminal's API server, typed to", terminal, "connection to the server lost");
        _ = SendAsync(terminal, asClient: true, TimeSpan.FromMilliseconds(500));

        var (_, shut) = await OpenAsync(_gone, false, "/here/shut");
        Watch("a client that had not read", shut);
        _ = SwallowAsync(shut.SendBulkTransferAsync(asClient: false, PausedBytes));
        var (pausedClient, pausedSender) = await OpenAsync(_here, false, "/here/paused-client");
        _pausedClient = (pausedClient, pausedSender.SendBulkTransferAsync(asClient: false, PausedBytes));
        var (fromClient, pausedBackend) = await OpenAsync(null, false, "/here/paused-backend");
        _pausedBackend = (pausedBackend, fromClient.SendBulkTransferAsync(asClient: true, PausedBytes));

        // By then the receive windows are full, and the kernel sends window probes less often.
        await Task.Delay(TimeSpan.FromSeconds(3));
        _sinceCut.Start();
        _gone.Cut();
        _ = SendAsync(late, asClient: false, TimeSpan.FromSeconds(22));
    }

    /// <summary>Lets both that do not read do so, after all others would have been ended, and says how much they got.</summary>
    internal async Task<(long ToClient, long ToBackend, bool WerePaused)> ReadOnAsync()
    {
        var rest = TimeSpan.FromSeconds(40) - _sinceCut.Elapsed;
        await Task.Delay(rest > TimeSpan.Zero ? rest : TimeSpan.Zero);
        var werePaused = !_pausedClient.BulkTransfer.IsCompleted && !_pausedBackend.BulkTransfer.IsCompleted;
        var reads = await Task.WhenAll(_pausedClient.Reader.ReadAsync(PausedBytes), _pausedBackend.Reader.ReadAsync(PausedBytes))
            .WaitAsync(TimeSpan.FromSeconds(60));
        await Task.WhenAll(_pausedClient.BulkTransfer, _pausedBackend.BulkTransfer).WaitAsync(TimeSpan.FromSeconds(60));
        return (reads[0], reads[1], werePaused);
    }

    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync();
        _peers.ForEach(static peer => peer.Dispose());
        _socket2.Dispose();
        _http2.Dispose();
        _goneListener?.Dispose();
        _hereListener?.Dispose();
        if (_edge is not null)
        {
            await _edge.DisposeAsync();
        }

        _over.Dispose();
        _gone.Dispose();
        _here.Dispose();
        _directory.Dispose();
    }

    private static Socket Listen(FarNetwork network)
    {
        var listener = network.NewSocket();
        listener.Bind(new IPEndPoint(network.Far, 0));
        listener.Listen();
        return listener;
    }

    private async Task<(Peer Client, Peer Backend)> OpenAsync(FarNetwork? from, bool tls, string target)
    {
        var socket = from?.NewSocket() ?? new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        var client = await Peer.AskAsync(socket, EdgeAt(tls ? "https" : "http"), tls, target);
        _peers.Add(client);
        var backend = await AcceptAsync(target.StartsWith("/here", StringComparison.Ordinal) ? _hereListener : _goneListener);
        Assert.StartsWith("HTTP/1.1 101 ", await client.HeadAsync(), StringComparison.Ordinal);
        return (client, backend);
    }

    private async Task<Peer> OpenHttp2Async()
    {
        (_socket2.Options.HttpVersion, _socket2.Options.HttpVersionPolicy) = (HttpVersion.Version20, HttpVersionPolicy.RequestVersionExact);
        var connecting = _socket2.ConnectAsync(new Uri("wss://edge/here/two"), _http2, CancellationToken.None);
        var backend = await AcceptAsync(_hereListener);
        await connecting;
        return backend;
    }

    private async Task<Peer> AcceptAsync(Socket listener)
    {
        var peer = await Peer.AcceptAsync(listener).WaitAsync(TimeSpan.FromSeconds(30));
        _peers.Add(peer);
        return peer;
    }

    private void Watch(string stream, Peer living, string? text = null) => _ends.Add(stream, WatchAsync(living, text));

    private async Task<TimeSpan> WatchAsync(Peer living, string? text)
    {
        await living.ReadAsync(text: text);
        return _sinceCut.Elapsed;
    }

    /// <summary>Sends a frame after each pause, to the stream's end.</summary>
    private Task SendAsync(Peer peer, bool asClient, TimeSpan pause)
    {
        return SwallowAsync(SendOnAsync());

        async Task SendOnAsync()
        {
            while (true)
            {
                await Task.Delay(pause, _over.Token);
                await peer.SendFrameAsync(asClient);
            }
        }
    }

    private static async Task SwallowAsync(Task sending)
    {
        try
        {
            await sending;
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException or OperationCanceledException)
        {
            // The stream has ended, or the tests have.
            return;
        }
    }

    private IPEndPoint EdgeAt(string scheme) => IPEndPoint.Parse(new Uri(_edge.Output.Split('\n')
        .First(line => line.TrimStart().StartsWith("public ", StringComparison.Ordinal)
            && line.Contains($" {scheme}://", StringComparison.Ordinal))
        .Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]).Authority);

    private void WriteCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = new CertificateRequest("CN=edge", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        File.WriteAllText(_directory.File("tls.pem"), certificate.ExportCertificatePem() + "\n" + key.ExportPkcs8PrivateKeyPem() + "\n");
    }
}
