using System.Net;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace EndToEnd;

/// <summary>Terminals whose API server goes away, over every kind of connection that clients have.</summary>
public sealed class TerminalReattachTests : IAsyncLifetime
{
    private readonly TemporaryDirectory _directory = new();
    private readonly TerminalServer _one = new("one");
    private readonly TerminalServer _two = new("two");

    public async ValueTask InitializeAsync()
    {
        await _one.StartAsync();
        await _two.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _one.DisposeAsync();
        await _two.DisposeAsync();
        _directory.Dispose();
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task ATerminalGoesOnWithAnotherServer(bool tls, bool http2)
    {
        await using var edge = await TestNode.StartAsync(
            [.. Listener(tls, http2), "Edge:Mode=edge", $"Edge:Backends:0={_one.Url}", $"Edge:Backends:1={_two.Url}"]);
        using var client = await ConnectAsync(edge, http2);
        var (first, second) = await WhichAsync(client);
        first.Leave();
        await client.UntilAsync("typing is discarded]");
        await client.UntilAsync("[connection resumed]");
        await client.UntilAsync($"this is {second.Name}");
        await client.TypeAsync("still here");
        await client.UntilAsync("still here");
        second.End();
        Assert.Equal(WebSocketCloseStatus.NormalClosure, await client.ToCloseAsync());
    }

    [Fact]
    public async Task OneWithAnExtensionIsClosedAtOnce()
    {
        (_one.Compresses, _two.Compresses) = (true, true);
        await using var edge = await TestNode.StartAsync("Edge:Mode=edge", $"Edge:Backends:0={_one.Url}", $"Edge:Backends:1={_two.Url}");
        using var client = await ConnectAsync(
            edge, http2: false, static options => options.DangerousDeflateOptions = new WebSocketDeflateOptions());
        var (first, second) = await WhichAsync(client);
        first.Leave();
        Assert.Equal(WebSocketCloseStatus.EndpointUnavailable, await client.ToCloseAsync());
        Assert.DoesNotContain("paused", client.Seen, StringComparison.Ordinal);
        Assert.Equal(0, second.Asked);
    }

    [Fact]
    public async Task AServerThatStandsButIsNotWellIsLeft()
    {
        await using var edge = await TestNode.StartAsync(
            "Edge:Mode=edge",
            "ReverseProxy:Routes:all:ClusterId=api", "ReverseProxy:Routes:all:Match:Path={**rest}",
            $"ReverseProxy:Clusters:api:Destinations:one:Address={_one.Url}",
            $"ReverseProxy:Clusters:api:Destinations:two:Address={_two.Url}", "ReverseProxy:Clusters:api:HealthCheck:Active:Enabled=true",
            "ReverseProxy:Clusters:api:HealthCheck:Active:Policy=EdgeProbes", "ReverseProxy:Clusters:api:HealthCheck:Active:Path=/healthz",
            "ReverseProxy:Clusters:api:HealthCheck:Active:Interval=00:00:00.2",
            "ReverseProxy:Clusters:api:HealthCheck:Active:Timeout=00:00:20");
        await Eventually.TrueAsync(() => _one.Probes > 0 && _two.Probes > 0, "both are known to be well");
        using var client = await ConnectAsync(edge, http2: false);
        var (first, second) = await WhichAsync(client);
        first.Healthy = false;
        await client.UntilAsync("[connection resumed]");
        await client.UntilAsync($"this is {second.Name}");
    }

    [Fact]
    public async Task ARefusalByTheNextServerClosesWith1012()
    {
        await using var edge = await TestNode.StartAsync("Edge:Mode=edge", $"Edge:Backends:0={_one.Url}", $"Edge:Backends:1={_two.Url}");
        using var client = await ConnectAsync(edge, http2: false);
        var (first, second) = await WhichAsync(client);
        second.Refuses = true;
        first.Leave();
        Assert.Equal((WebSocketCloseStatus)1012, await client.ToCloseAsync());
        Assert.Equal(1, second.Asked);
    }

    [Theory]
    [InlineData("/api/v2/workspaceagents/me/coordinate?reconnect=1")]
    [InlineData("/api/v2/workspaceagents/x/pty")]
    public async Task WhatCannotBeResumedIsClosedAtOnce(string target)
    {
        await using var edge = await TestNode.StartAsync("Edge:Mode=edge", $"Edge:Backends:0={_one.Url}", $"Edge:Backends:1={_two.Url}");
        using var client = await ConnectAsync(edge, http2: false, target: target);
        var (first, _) = await WhichAsync(client);
        first.Leave();
        Assert.Equal(WebSocketCloseStatus.EndpointUnavailable, await client.ToCloseAsync());
        Assert.DoesNotContain("paused", client.Seen, StringComparison.Ordinal);
    }

    private static Task<TerminalClient> ConnectAsync(
        TestNode edge, bool http2, Action<ClientWebSocketOptions>? configure = null, string? target = null)
    {
        var url = new Uri(edge.PublicUrl, target ?? $"/api/v2/workspaceagents/{Guid.NewGuid()}/pty?reconnect={Guid.NewGuid()}");
        return TerminalClient.ConnectAsync(
            new UriBuilder(url) { Scheme = url.Scheme == "https" ? "wss" : "ws" }.Uri,
            options =>
            {
                configure?.Invoke(options);
                if (http2)
                {
                    (options.HttpVersion, options.HttpVersionPolicy) = (HttpVersion.Version20, HttpVersionPolicy.RequestVersionExact);
                }
            });
    }

    private async Task<(TerminalServer First, TerminalServer Second)> WhichAsync(TerminalClient client) =>
        await client.UntilAnyAsync("this is one", "this is two") == 0 ? (_one, _two) : (_two, _one);

    private string[] Listener(bool tls, bool http2)
    {
        var protocols = $"Kestrel:Endpoints:It:Protocols={(http2 ? "Http2" : "Http1")}";
        if (!tls)
        {
            return ["Kestrel:Endpoints:It:Url=http://127.0.0.1:0", protocols];
        }

        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = new CertificateRequest("CN=edge", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        File.WriteAllText(_directory.File("tls.pem"), certificate.ExportCertificatePem());
        File.WriteAllText(_directory.File("tls.key"), key.ExportPkcs8PrivateKeyPem());
        return
        [
            "Kestrel:Endpoints:It:Url=https://127.0.0.1:0", protocols,
            $"Kestrel:Endpoints:It:Certificate:Path={_directory.File("tls.pem")}",
            $"Kestrel:Endpoints:It:Certificate:KeyPath={_directory.File("tls.key")}",
        ];
    }

    /// <summary>Says who it is, echoes, and ends as it is told.</summary>
    private sealed class TerminalServer(string name) : IAsyncDisposable
    {
        private readonly TaskCompletionSource<WebSocketCloseStatus> _end = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private TestBackend _backend = null!;
        private int _asked;

        public string Name => name;

        public string Url => _backend.Url;

        public bool Compresses { get; set; }

        public bool Refuses { get; set; }

        public int Asked => Volatile.Read(ref _asked);

        public int Probes => _backend.Probes;

        public bool Healthy
        {
            set => _backend.Healthy = value;
        }

        public async Task StartAsync() => _backend = await TestBackend.StartAsync(ServeAsync);

        public void Leave() => _end.TrySetResult(WebSocketCloseStatus.EndpointUnavailable);

        public void End() => _end.TrySetResult(WebSocketCloseStatus.NormalClosure);

        public async ValueTask DisposeAsync()
        {
            End();
            await _backend.DisposeAsync();
        }

        private async Task ServeAsync(HttpContext context)
        {
            Interlocked.Increment(ref _asked);
            if (Refuses)
            {
                context.Response.StatusCode = StatusCodes.Status401Unauthorized;
                return;
            }

            using var socket = await context.WebSockets.AcceptWebSocketAsync(
                new WebSocketAcceptContext { DangerousEnableCompression = Compresses });
            await socket.SendAsync(
                Encoding.ASCII.GetBytes($"this is {name}\r\n"), WebSocketMessageType.Binary, true, CancellationToken.None);
            var echoing = EchoAsync(socket);
            await socket.CloseOutputAsync(await _end.Task, "", CancellationToken.None);
            await echoing;
        }

        private static async Task EchoAsync(WebSocket socket)
        {
            try
            {
                var buffer = new byte[1024];
                while (await socket.ReceiveAsync(buffer, CancellationToken.None) is { MessageType: not WebSocketMessageType.Close } result)
                {
                    await socket.SendAsync(buffer.AsMemory(0, result.Count), WebSocketMessageType.Binary, true, CancellationToken.None);
                }
            }
            catch (WebSocketException)
            {
                // The edge has left.
                return;
            }
        }
    }
}
