using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace EndToEnd;

/// <summary>WebSocket upgrades: client → edge → stream relay → an API server of the test's own.</summary>
public class StreamTests
{
    [Fact]
    public async Task MessagesGoBothWaysAndTheCloseCodeComesThrough()
    {
        await using var backend = await TestBackend.StartAsync(Echo.SocketAsync);
        await using var edge = await TestNode.StartAsync("Edge:Mode=edge", $"Edge:Backends={backend.Url}");

        using var socket = await TestSocket.ConnectAsync(edge.PublicUrl, "/api/v2/workspaceagents/x/pty?reconnect=1");
        await socket.SendTextAsync("hello");
        Assert.Equal("hello", await socket.ReceiveTextAsync());
        var large = new string('x', 1 << 20);
        await socket.SendTextAsync(large);
        Assert.Equal(large, await socket.ReceiveTextAsync());
        await socket.CloseAsync((WebSocketCloseStatus)4321, "bye", CancellationToken.None).WaitAsync(TestNode.Patience);

        Assert.Equal(4321, (int?)socket.CloseStatus);
        Assert.Equal("bye", socket.CloseStatusDescription);
        Assert.Equal("GET /api/v2/workspaceagents/x/pty?reconnect=1", backend.Requests.Single());
    }

    [Fact]
    public async Task AnUpgradeCarriesHostOriginCredentialsAndExtensionsUnchanged()
    {
        var backend = new RawBackend(async (socket, _) =>
        {
            await socket.SendAsync(Encoding.Latin1.GetBytes(RawBackend.Accept(
                "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\nX-Coder-Build-Version: v2\r\n")));
        });
        await using var disposal = backend;
        await using var edge = await TestNode.StartAsync("Edge:Mode=edge", $"Edge:Backends={backend.Url}");
        using var client = await RawClient.ConnectAsync(edge.PublicUrl);

        await client.SendAsync(
            "GET /api/v2/workspaceagents/x/logs?follow HTTP/1.1\r\nHost: coder.example.com\r\nOrigin: https://coder.example.com\r\n"
            + "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            + "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\nCookie: coder_session_token=c\r\n"
            + "Coder-Session-Token: t\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n");
        var answer = await client.ReceiveHeadAsync();
        var seen = await backend.HeadAsync();

        Assert.StartsWith("HTTP/1.1 101 ", answer, StringComparison.Ordinal);
        Assert.Contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n", answer, StringComparison.OrdinalIgnoreCase);
        Assert.Contains(
            "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n",
            answer,
            StringComparison.OrdinalIgnoreCase);
        Assert.Contains("X-Coder-Build-Version: v2\r\n", answer, StringComparison.OrdinalIgnoreCase);
        Assert.StartsWith("GET /api/v2/workspaceagents/x/logs?follow HTTP/1.1\r\n", seen, StringComparison.Ordinal);
        foreach (var line in new[]
        {
            "Host: coder.example.com", "Origin: https://coder.example.com",
            "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits", "Cookie: coder_session_token=c",
            "Coder-Session-Token: t", "X-Forwarded-For: 127.0.0.1", "Upgrade: websocket", "Connection: Upgrade",
        })
        {
            Assert.Contains($"\r\n{line}\r\n", seen, StringComparison.OrdinalIgnoreCase);
        }

        Assert.DoesNotContain("6.6.6.6", seen, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ARefusedUpgradeComesBackWithItsStatusHeadersAndBody()
    {
        await using var backend = await TestBackend.StartAsync(static context =>
        {
            context.Response.StatusCode = 409;
            context.Response.Headers["X-Why"] = "browser-only";
            context.Response.ContentType = "application/json; charset=utf-8";
            return context.Response.WriteAsync("{\"message\":\"Non-browser connections are disabled for your deployment.\"}");
        });
        await using var edge = await TestNode.StartAsync("Edge:Mode=edge", $"Edge:Backends={backend.Url}");
        using var client = await RawClient.ConnectAsync(edge.PublicUrl);

        await client.SendAsync(UpgradeHead("/api/v2/workspaceagents/x/coordinate"));
        var answer = await client.ReceiveUntilAsync("deployment.\"}");

        Assert.StartsWith("HTTP/1.1 409 ", answer, StringComparison.Ordinal);
        Assert.Contains("X-Why: browser-only\r\n", answer, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("Content-Type: application/json; charset=utf-8\r\n", answer, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task AfterARefusedUpgradeTheConnectionServesTheNextRequest()
    {
        await using var backend = await TestBackend.StartAsync(static context =>
        {
            context.Response.StatusCode = 401;
            return context.Response.WriteAsync("no");
        });
        await using var edge = await TestNode.StartAsync("Edge:Mode=edge", $"Edge:Backends={backend.Url}");
        using var client = await RawClient.ConnectAsync(edge.PublicUrl);

        await client.SendAsync(UpgradeHead("/api/v2/workspaceagents/x/pty"));
        Assert.StartsWith("HTTP/1.1 401 ", await client.ReceiveUntilAsync("\r\n0\r\n\r\n"), StringComparison.Ordinal);
        await client.SendAsync("GET /second HTTP/1.1\r\nHost: x\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 401 ", await client.ReceiveUntilAsync("no"), StringComparison.Ordinal);
        Assert.Equal(["GET /api/v2/workspaceagents/x/pty", "GET /second"], backend.Requests);
    }

    [Fact]
    public async Task WithNoApiServerToTakeItAnUpgradeIs502Or503WithARetryAfter()
    {
        var backend = await TestBackend.StartAsync(Echo.SocketAsync);
        await using var edge = await TestNode.StartAsync("Edge:Mode=edge", $"Edge:Backends={backend.Url}");
        await backend.DisposeAsync();
        using var client = await RawClient.ConnectAsync(edge.PublicUrl);

        await client.SendAsync(UpgradeHead("/api/v2/workspaceagents/x/pty"));
        var answer = await client.ReceiveUntilAsync("\"message\"");

        Assert.Matches("^HTTP/1.1 50[23] ", answer);
        Assert.Contains("Retry-After: ", answer, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task AnUpgradeThatFoundNoConnectionGoesToTheOtherServer()
    {
        var dead = await TestBackend.StartAsync(Echo.SocketAsync);
        await using var alive = await TestBackend.StartAsync(Echo.SocketAsync);
        await using var edge = await TestNode.StartAsync("Edge:Mode=edge", $"Edge:Backends:0={dead.Url}", $"Edge:Backends:1={alive.Url}");
        await dead.DisposeAsync();

        for (var i = 0; i < 10; i++)
        {
            using var socket = await TestSocket.ConnectAsync(edge.PublicUrl, "/api/v2/workspaceagents/x/pty");
            await socket.SendTextAsync("hello");
            Assert.Equal("hello", await socket.ReceiveTextAsync());
        }
    }

    [Fact]
    public async Task ABackendsResetReachesTheClientWithinASecond()
    {
        await using var backend = new RawBackend(async (socket, _) =>
        {
            await socket.SendAsync(Encoding.Latin1.GetBytes(RawBackend.Accept()));
            await socket.ReceiveAsync(new byte[16]);
            socket.Close(timeout: 0);
        });
        await using var edge = await TestNode.StartAsync("Edge:Mode=edge", $"Edge:Backends={backend.Url}");
        using var client = await RawClient.ConnectAsync(edge.PublicUrl);
        await client.SendAsync(UpgradeHead("/api/v2/workspaceagents/x/pty"));
        await client.ReceiveHeadAsync();

        await client.SendAsync("anything");
        var end = await client.ReceiveAllAsync().WaitAsync(TimeSpan.FromSeconds(1));

        Assert.Equal("[reset]", end);
    }

    [Fact]
    public async Task AClientsResetReachesTheBackendWithinASecond()
    {
        var ended = new TaskCompletionSource<bool>();
        await using var backend = new RawBackend(async (socket, _) =>
        {
            await socket.SendAsync(Encoding.Latin1.GetBytes(RawBackend.Accept()));
            try
            {
                while (await socket.ReceiveAsync(new byte[16]) > 0)
                {
                }

                ended.SetResult(false);
            }
            catch (SocketException)
            {
                ended.SetResult(true);
            }
        });
        await using var edge = await TestNode.StartAsync("Edge:Mode=edge", $"Edge:Backends={backend.Url}");
        using var client = await RawClient.ConnectAsync(edge.PublicUrl);
        await client.SendAsync(UpgradeHead("/api/v2/workspaceagents/x/pty"));
        await client.ReceiveHeadAsync();

        client.Socket.Close(timeout: 0);

        Assert.True(await ended.Task.WaitAsync(TimeSpan.FromSeconds(1)), "the backend sees a reset, not an end");
    }

    [Fact]
    public async Task EitherSideMayFinishAndStillHearTheOther()
    {
        await using var backend = new RawBackend(async (socket, _) =>
        {
            await socket.SendAsync(Encoding.Latin1.GetBytes(RawBackend.Accept()));
            socket.Shutdown(SocketShutdown.Send);

            // The client has seen the close, and only now sends its last bytes and its own close.
            var buffer = new byte[64];
            var received = 0;
            int read;
            while ((read = await socket.ReceiveAsync(buffer.AsMemory(received))) > 0)
            {
                received += read;
            }

            RawBackend.Report(socket, buffer[..received]);
        });
        await using var edge = await TestNode.StartAsync("Edge:Mode=edge", $"Edge:Backends={backend.Url}");
        using var client = await RawClient.ConnectAsync(edge.PublicUrl);
        await client.SendAsync(UpgradeHead("/api/v2/workspaceagents/x/pty"));
        await client.ReceiveHeadAsync();
        Assert.Equal("", await client.ReceiveAllAsync().WaitAsync(TestNode.Patience));

        // A masked text frame "hi", key 0.
        byte[] last = [0x81, 0x82, 0, 0, 0, 0, (byte)'h', (byte)'i'];
        await client.SendAsync(last);
        client.Socket.Shutdown(SocketShutdown.Send);

        Assert.Equal(last, await backend.ReportAsync());
    }

    [Fact]
    public async Task WebSocketsOverHttp2AreCarried()
    {
        await using var backend = await TestBackend.StartAsync(Echo.SocketAsync);
        await using var edge = await TestNode.StartAsync(
            "Edge:Mode=edge", $"Edge:Backends={backend.Url}", "Kestrel:Endpoints:Two:Url=http://127.0.0.1:0",
            "Kestrel:Endpoints:Two:Protocols=Http2");
        using var handler = new SocketsHttpHandler();
        using var invoker = new HttpMessageInvoker(handler);
        using var socket = new ClientWebSocket();
        socket.Options.HttpVersion = HttpVersion.Version20;
        socket.Options.HttpVersionPolicy = HttpVersionPolicy.RequestVersionExact;

        await socket.ConnectAsync(new Uri($"ws://{edge.PublicUrl.Authority}/api/v2/workspaceagents/x/pty"), invoker, CancellationToken.None)
            .WaitAsync(TestNode.Patience);
        await socket.SendTextAsync("over two");
        Assert.Equal("over two", await socket.ReceiveTextAsync());
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "done", CancellationToken.None).WaitAsync(TestNode.Patience);

        Assert.Equal(WebSocketCloseStatus.NormalClosure, socket.CloseStatus);
    }

    [Fact]
    public async Task ARefusedUpgradeOverHttp2ComesBackAsItIs()
    {
        await using var backend = await TestBackend.StartAsync(static context =>
        {
            context.Response.StatusCode = 403;
            return context.Response.WriteAsync("no");
        });
        await using var edge = await TestNode.StartAsync(
            "Edge:Mode=edge", $"Edge:Backends={backend.Url}", "Kestrel:Endpoints:Two:Url=http://127.0.0.1:0",
            "Kestrel:Endpoints:Two:Protocols=Http2");
        using var invoker = new HttpMessageInvoker(new SocketsHttpHandler());
        using var socket = new ClientWebSocket();
        socket.Options.HttpVersion = HttpVersion.Version20;
        socket.Options.HttpVersionPolicy = HttpVersionPolicy.RequestVersionExact;
        socket.Options.CollectHttpResponseDetails = true;

        await Assert.ThrowsAsync<WebSocketException>(() =>
            socket.ConnectAsync(new Uri($"ws://{edge.PublicUrl.Authority}/x"), invoker, CancellationToken.None)
                .WaitAsync(TestNode.Patience));

        Assert.Equal(HttpStatusCode.Forbidden, socket.HttpStatusCode);
    }

    [Fact]
    public async Task AnUpgradeWithABodyIsForwardedAsAnOrdinaryRequest()
    {
        await using var backend = await TestBackend.StartAsync(static async context =>
        {
            using var reader = new StreamReader(context.Request.Body);
            await context.Response.WriteAsync($"upgrade '{context.Request.Headers.Upgrade}' body '{await reader.ReadToEndAsync()}'");
        });
        await using var edge = await TestNode.StartAsync("Edge:Mode=edge", $"Edge:Backends={backend.Url}");
        using var client = await RawClient.ConnectAsync(edge.PublicUrl);

        await client.SendAsync(UpgradeHead("/x").Replace("\r\n\r\n", "\r\nContent-Length: 5\r\n\r\nhello", StringComparison.Ordinal));
        var answer = await client.ReceiveUntilAsync("'hello'");

        Assert.StartsWith("HTTP/1.1 200 ", answer, StringComparison.Ordinal);
        Assert.Contains("upgrade '' body 'hello'", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task StreamsAreCountedByRouteAndReasonAndTheirQueryEntersNoLog()
    {
        await using var backend = await TestBackend.StartAsync(Echo.SocketAsync);
        await using var edge = await TestNode.StartAsync("Edge:Mode=edge", $"Edge:Backends={backend.Url}");
        await UseAsync(edge.PublicUrl);

        await Eventually.TrueAsync(
            () => edge.Log.Lines.Any(static line => line.Contains("stream ended", StringComparison.Ordinal)), "the stream's end is logged");
        Assert.DoesNotContain(edge.Log.Lines, static line => line.Contains("hush", StringComparison.Ordinal));
    }

    [Fact]
    public async Task AFollowedLogEntersNoDurationHistogramOfTheEmbeddedApiServerEither()
    {
        using var directory = new TemporaryDirectory();
        await using var edge = await EdgeProcess.StartAsync(
            directory.Path, "--urls", "http://127.0.0.1:0", "--Edge:Admin:Url=http://127.0.0.1:0");
        var bootstrap = directory.File(".edge/bootstrap.json");
        var path = $"/api/v2/workspaceagents/{Bootstrapped.AgentId(bootstrap)}/logs?follow";
        using (var socket = await TestSocket.ConnectAsync(edge.UrlOf("public"), path, options =>
            options.SetRequestHeader("Coder-Session-Token", Bootstrapped.SessionToken(bootstrap))))
        {
            Assert.Equal("[]\n", await socket.ReceiveTextAsync());
            await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None).WaitAsync(TestNode.Patience);
        }

        using var http = new HttpClient { BaseAddress = edge.UrlOf("admin") };
        var metrics = "";
        await Eventually.TrueAsync(
            async () => (metrics = await http.GetStringAsync("/metrics")).Contains("edge_streams_closed_total{", StringComparison.Ordinal),
            "the stream's end is counted");
        Assert.DoesNotMatch("http_server_request_duration_seconds_count\\{[^}]*\"101\"", metrics);
    }

    [Fact]
    public async Task AStreamEntersNoDurationHistogram()
    {
        // In a process of its own: a process's metrics are those of all hosts in it, this test's backend among them.
        using var directory = new TemporaryDirectory();
        await using var backend = await TestBackend.StartAsync(Echo.SocketAsync);
        await using var edge = await EdgeProcess.StartAsync(
            directory.Path, "--urls", "http://127.0.0.1:0", "--Edge:Admin:Url=http://127.0.0.1:0", "--Edge:Mode=edge",
            $"--Edge:Backends={backend.Url}");
        await UseAsync(edge.UrlOf("public"));
        using var http = new HttpClient { BaseAddress = edge.UrlOf("admin") };

        var metrics = "";
        await Eventually.TrueAsync(
            async () => (metrics = await http.GetStringAsync("/metrics")).Contains("edge_streams_closed_total{", StringComparison.Ordinal),
            "the stream's end is counted");

        Assert.Matches("edge_streams_closed_total\\{[^}]*reason=\"client_closed\"[^}]*\\} 1\n", metrics);
        Assert.Matches("edge_streams_closed_total\\{[^}]*route=\"pty\"", metrics);
        Assert.Matches("edge_streams_bytes_total\\{direction=\"to_backend\"\\} [1-9]", metrics);
        Assert.Matches("edge_backends_healthy\\{[^}]*\\} 1\n", metrics);
        Assert.DoesNotMatch("http_server_request_duration_seconds_count\\{[^}]*\"101\"", metrics);
    }

    private static async Task UseAsync(Uri edge)
    {
        using var socket = await TestSocket.ConnectAsync(edge, "/api/v2/workspaceagents/x/pty?coder_signed_app_token_23db1dde=hush");
        await socket.SendTextAsync("hello");
        await socket.ReceiveTextAsync();
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None).WaitAsync(TestNode.Patience);
    }

    internal static string UpgradeHead(string path) =>
        $"GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            + "Sec-WebSocket-Version: 13\r\n\r\n";
}
