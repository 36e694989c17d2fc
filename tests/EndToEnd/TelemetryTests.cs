using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Net;
using System.Net.WebSockets;
using System.Text;
using Edge.Telemetry;
using Microsoft.AspNetCore.Http;

namespace EndToEnd;

/// <summary>What a process tells of itself, in processes of their own: metrics and spans are the whole process's.</summary>
public class TelemetryTests
{
    private const string Terminal = "/api/v2/workspaceagents/x/pty";

    private static readonly Dictionary<string, string> NoVariables = [];

    [Fact]
    public async Task TheMetricsTellOfRequestsBackendsStreamsAndWhatWasTurnedAway()
    {
        using var directory = new TemporaryDirectory();
        await using var backend = await TestBackend.StartAsync(AnswerAsync);
        await using var edge = await StartAsync(
            directory,
            backend,
            NoVariables,
            [
                "--Edge:RateLimit:PerMinute=2", "--Edge:Limits:MaxConnections=12",
                .. TestTokens.Settings(directory).Select(static setting => $"--{setting}"),
            ]);
        var url = edge.UrlOf("public");
        using var http = new HttpClient { BaseAddress = url };
        using var admin = new HttpClient { BaseAddress = edge.UrlOf("admin") };

        foreach (var (path, expected) in new[]
        {
            ("/api/v2/buildinfo", HttpStatusCode.OK), ("/api/v2/buildinfo", HttpStatusCode.OK),
            ("/api/v2/buildinfo", HttpStatusCode.TooManyRequests),
            ("/api/v2/users/me", HttpStatusCode.Unauthorized),
        })
        {
            using var answer = await http.GetAsync(path);
            Assert.Equal(expected, answer.StatusCode);
        }

        using var open = await ConnectAsync(url, Terminal);
        using (var closed = await ConnectAsync(url, Terminal))
        {
            await closed.CloseAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None).WaitAsync(TestNode.Patience);
        }

        // More connections, together with those above, than the limit allows.
        var crowd = new List<RawClient>();
        for (var i = 0; i < 12; i++)
        {
            try
            {
                crowd.Add(await RawClient.ConnectAsync(url));
            }
            catch (System.Net.Sockets.SocketException error) when (error.SocketErrorCode is System.Net.Sockets.SocketError.ConnectionReset)
            {
                // The node reset the connection before the connect returned.
                continue;
            }
        }

        var metrics = "";
        await Eventually.TrueAsync(
            async () =>
            {
                metrics = await admin.GetStringAsync("/metrics");
                return metrics.Contains("edge_streams_closed_total{", StringComparison.Ordinal)
                    && metrics.Contains("edge_connections_refused_total{", StringComparison.Ordinal);
            },
            "the stream's end and the refused connections are counted");
        crowd.ForEach(static client => client.Dispose());

        Assert.Matches("http_server_request_duration_seconds_count\\{[^\n]*http_response_status_code=\"200\"[^\n]*\\} [1-9]", metrics);
        Assert.Matches("http_server_request_duration_seconds_bucket\\{[^\n]*le=\"[0-9.]+\"[^}]*\\} [0-9]", metrics);
        Assert.Matches("http_server_request_duration_seconds_sum\\{", metrics);
        Assert.Matches("http_server_active_requests\\{", metrics);
        Assert.Matches("edge_backends_healthy\\{[^}]*\\} 1\n", metrics);
        Assert.Matches("edge_streams_open\\{route=\"pty\"\\} 1\n", metrics);
        Assert.Matches("edge_streams_started_total\\{route=\"pty\"\\} 2\n", metrics);
        Assert.Matches("edge_streams_closed_total\\{[^}]*reason=\"client_closed\"[^}]*\\} 1\n", metrics);
        Assert.Matches("edge_streams_bytes_total\\{direction=\"to_backend\"\\} [1-9]", metrics);
        Assert.Matches("edge_streams_bytes_total\\{direction=\"to_client\"\\} [1-9]", metrics);
        Assert.Matches("edge_ratelimit_rejected_total 1\n", metrics);
        Assert.Matches("edge_auth_rejected_total\\{reason=\"missing\"\\} 1\n", metrics);
        Assert.Matches("edge_connections_refused_total\\{reason=\"total\"\\} [1-9]", metrics);

        await backend.KillAsync();
        await Eventually.TrueAsync(
            async () => System.Text.RegularExpressions.Regex.IsMatch(
                await admin.GetStringAsync("/metrics"), "edge_backends_healthy\\{[^}]*\\} 0\n"),
            "the dead API server counts as ill");
    }

    [Fact]
    public async Task EveryInstrumentHasADescription()
    {
        var bare = new ConcurrentDictionary<string, string>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, _) =>
        {
            if (TelemetrySources.Matches(TelemetrySources.Meters, instrument.Meter.Name) && string.IsNullOrEmpty(instrument.Description))
            {
                bare.TryAdd($"{instrument.Meter.Name}: {instrument.Name}", "");
            }
        };
        await using var edge = await TestNode.StartAsync("Edge:Mode=all");
        await edge.Public.GetStringAsync("/api/v2/buildinfo");
        listener.Start();

        Assert.Empty(bare.Keys);
    }

    [Fact]
    public async Task OverOtlpGoTracesAndMetricsButNoSecretsNorDoAnyIntoTheOutput()
    {
        var received = new ConcurrentQueue<(string Path, string Type, string Body)>();
        await using var collector = await TestBackend.StartAsync(async context =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            received.Enqueue((context.Request.Path, context.Request.ContentType ?? "", Encoding.Latin1.GetString(body.ToArray())));
        });
        using var directory = new TemporaryDirectory();
        await using var backend = await TestBackend.StartAsync(AnswerAsync);
        await using var edge = await StartAsync(
            directory,
            backend,
            new Dictionary<string, string>
            {
                ["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.Url,
                ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
                ["OTEL_METRIC_EXPORT_INTERVAL"] = "500",
                ["OTEL_BSP_SCHEDULE_DELAY"] = "100",
            },
            [
                "--Logging:LogLevel:Default=Trace",
                "--Logging:LogLevel:Microsoft=Trace",
                "--Logging:LogLevel:System=Trace",
                "--Logging:LogLevel:Yarp=Trace",
                "--Edge:Authentication:Policies:0:Path=/policed",
                "--Edge:Authentication:Policies:0:Require=authenticated",
                "--Edge:Authentication:Policies:1:Path=/",
                "--Edge:Authentication:Policies:1:Require=anonymous",
                .. TestTokens.Settings(directory).Select(static setting => $"--{setting}"),
            ]);
        var url = edge.UrlOf("public");

        using (var http = new HttpClient(new SocketsHttpHandler { UseCookies = false }) { BaseAddress = url })
        {
            foreach (var target in new[]
            {
                "/api/v2/users/me?coder_session_token=hush-query", "/policed?access_token=hush-query", "/missing?code=hush-query",
            })
            {
                using var request = new HttpRequestMessage(HttpMethod.Get, target);
                request.Headers.Add("Coder-Session-Token", "hush-header");
                request.Headers.Add("Cookie", "coder_session_token=hush-cookie");
                request.Headers.Add("Authorization", "Bearer hush.hush-bearer.hush");
                using var answer = await http.SendAsync(request);
            }
        }

        // A request that breaks in the server's hands, with its secrets in it.
        using (var raw = await RawClient.ConnectAsync(url))
        {
            await raw.SendAsync("GET /?coder_session_token=hush-query HTTP/1.1\r\nHost: x\r\nCoder-Session-Token hush-header\r\n\r\n");
            Assert.StartsWith("HTTP/1.1 400 ", await raw.ReceiveAllAsync(), StringComparison.Ordinal);
        }

        using var stream = await ConnectAsync(url, $"{Terminal}?coder_signed_app_token_23db1dde=hush-query&reconnect=1");

        // The stream is still open: its span is that of its handshake.
        await Eventually.TrueAsync(() => Bodies("/v1/traces").Contains(Terminal, StringComparison.Ordinal), "the stream's span arrives");
        await Eventually.TrueAsync(
            () => Bodies("/v1/metrics").Contains("edge.streams.open", StringComparison.Ordinal), "the stream's metrics arrive");
        await stream.SendTextAsync("hush-payload");
        Assert.Equal("hush-payload", await stream.ReceiveTextAsync());
        await stream.CloseAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None).WaitAsync(TestNode.Patience);
        await edge.SignalAsync("TERM");
        Assert.Equal(0, await edge.ExitAsync());

        Assert.Contains("/api/v2/users/me", Bodies("/v1/traces"), StringComparison.Ordinal);
        Assert.Contains("http.response.status_code", Bodies("/v1/traces"), StringComparison.Ordinal);
        Assert.Contains("http.server.request.duration", Bodies("/v1/metrics"), StringComparison.Ordinal);
        Assert.Contains("edge.backends.healthy", Bodies("/v1/metrics"), StringComparison.Ordinal);
        Assert.All(received, static message => Assert.Equal("application/x-protobuf", message.Type));
        Assert.All(received, static message => Assert.DoesNotContain("hush-", message.Body, StringComparison.Ordinal));
        Assert.Contains("The pty stream ended", edge.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(edge.Output.Split('\n'), static line => line.Contains("hush-", StringComparison.Ordinal));

        string Bodies(string path) => string.Concat(received.Where(message => message.Path == path).Select(static message => message.Body));
    }

    private static Task<EdgeProcess> StartAsync(
        TemporaryDirectory directory, TestBackend backend, IReadOnlyDictionary<string, string> environment, params string[] more) =>
        EdgeProcess.StartAsync(
            directory.Path,
            environment,
            [
                "--urls", "http://127.0.0.1:0", "--Edge:Admin:Url=http://127.0.0.1:0", "--Edge:Mode=edge", $"--Edge:Backends={backend.Url}",
                .. more,
            ]);

    /// <summary>A stream on which something has gone both ways.</summary>
    private static async Task<ClientWebSocket> ConnectAsync(Uri url, string path)
    {
        var socket = await TestSocket.ConnectAsync(
            url, path, static options => options.SetRequestHeader("Coder-Session-Token", "hush-header"));
        await socket.SendTextAsync("hello");
        Assert.Equal("hello", await socket.ReceiveTextAsync());
        return socket;
    }

    private static async Task AnswerAsync(HttpContext context)
    {
        if (context.WebSockets.IsWebSocketRequest)
        {
            using var socket = await context.WebSockets.AcceptWebSocketAsync();
            await socket.EchoAsync();
        }
        else if (context.Request.Path == "/missing")
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
        }
    }
}
