using System.Net;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using ControlPlane.Http;

namespace ControlPlane.Tests;

public sealed class FollowLogsTests
{
    [Fact]
    public async Task AFollowerGetsWhatWasBeforeAndThenWhatComes()
    {
        await using var server = await ApiServer.StartAsync();
        await server.PatchLogsAsync("a", "b");
        using var socket = await server.FollowAsync();
        var first = await socket.ReceiveTextAsync();
        Assert.EndsWith("]\n", first, StringComparison.Ordinal);
        Assert.Equal(
            ["a", "b"],
            JsonDocument.Parse(first).RootElement.EnumerateArray().Select(static line => line.GetProperty("output").GetString()!));

        await server.PatchLogsAsync("c");
        Assert.Equal(["c"], await socket.ReceiveOutputsAsync());
        await server.PatchLogsAsync("d", "e");
        Assert.Equal(["d", "e"], await socket.ReceiveOutputsAsync());
    }

    [Fact]
    public async Task AFollowerThatHasAllGetsAnEmptyFirstMessage()
    {
        await using var server = await ApiServer.StartAsync();
        await server.PatchLogsAsync("a");
        var last = (await server.GetAsUserAsync(server.AgentPath + "/logs")).Json[0].GetProperty("id").GetInt64();
        using var socket = await server.FollowAsync($"?follow=false&after={last}&no_compression");
        Assert.Equal("[]\n", await socket.ReceiveTextAsync());
        await server.PatchLogsAsync("b");
        Assert.Equal(["b"], await socket.ReceiveOutputsAsync());
    }

    [Fact]
    public async Task NoMessageIsLongerThanAClientReads()
    {
        await using var server = await ApiServer.StartAsync();

        // The worst case: each character takes six bytes.
        var outputs = Enumerable.Range(0, 200).Select(static index => index + new string('<', 1000)).ToArray();
        await server.PatchLogsAsync(outputs);
        using var socket = await server.FollowAsync();
        var received = new List<string>();
        while (received.Count < outputs.Length)
        {
            var message = await socket.ReceiveTextAsync();
            Assert.InRange(Encoding.UTF8.GetByteCount(message), 3, 32_768);
            received.AddRange(
                JsonDocument.Parse(message).RootElement.EnumerateArray().Select(static line => line.GetProperty("output").GetString()!));
        }

        Assert.Equal(outputs, received);
    }

    [Fact]
    public async Task LinesOfConcurrentWritersReachEveryFollowerOnceAndInOrder()
    {
        await using var server = await ApiServer.StartAsync();
        using var one = await server.FollowAsync();
        using var two = await server.FollowAsync();
        var writers = Task.WhenAll(Enumerable.Range(0, 4).Select(writer => Task.Run(async () =>
        {
            for (var index = 0; index < 25; index++)
            {
                Assert.Equal(200, (await server.PatchLogsAsync($"{writer}-{index}", "more")).Status);
            }
        })));
        foreach (var socket in new[] { one, two })
        {
            var ids = new List<long>();
            while (ids.Count < 200)
            {
                ids.AddRange(JsonDocument.Parse(await socket.ReceiveTextAsync()).RootElement.EnumerateArray()
                    .Select(static line => line.GetProperty("id").GetInt64()));
            }

            Assert.Equal(ids.Order().Distinct(), ids);
        }

        await writers;
    }

    [Fact]
    public async Task LinesOfAnotherProcessAreFoundWithinAMinute()
    {
        var time = new ManualTimeProvider();
        await using var server = await ApiServer.StartAsync(time: time);
        await using var other = await ApiServer.StartAsync(directory: server.Directory);
        using var socket = await server.FollowAsync();
        Assert.Equal("[]\n", await socket.ReceiveTextAsync());
        Assert.Equal(200, (await other.SendAsync(
            HttpMethod.Patch, "/api/v2/workspaceagents/me/logs", server.Agent.AuthToken,
            new { logs = new[] { new { output = "elsewhere" } } })).Status);

        // The follower has sent its first message, but may not wait yet.
        await Eventually.TrueAsync(() => time.IsDueIn(TimeSpan.FromSeconds(60)), "the follower waits");

        time.Advance(TimeSpan.FromSeconds(60));
        Assert.Equal(["elsewhere"], await socket.ReceiveOutputsAsync());
    }

    [Fact]
    public async Task AStoppingServerClosesFollowersWith1001()
    {
        await using var server = await ApiServer.StartAsync();
        using var socket = await server.FollowAsync();
        Assert.Equal("[]\n", await socket.ReceiveTextAsync());
        var stopped = server.StopAsync();
        Assert.Equal(WebSocketCloseStatus.EndpointUnavailable, (await socket.ReceiveCloseAsync()).Status);
        await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, TestContext.Current.CancellationToken);
        await stopped.WaitAsync(ApiServer.Patience, TestContext.Current.CancellationToken);
    }

    // Not a failure of the database: to read the line again would never succeed, and its followers would wait for ever.
    [Fact]
    public async Task ALineThatCannotBeReadEndsTheFollowersWith1011AndIsLogged()
    {
        using var log = new CapturedLog();
        await using var server = await ApiServer.StartAsync(log: log);
        using var socket = await server.FollowAsync();
        Assert.Equal("[]\n", await socket.ReceiveTextAsync());
        server.Execute($"""
            INSERT INTO agent_logs (agent_id, created_at, level, source_id, output)
            VALUES ('{server.Agent.Id}', 1, 'info', 'no UUID', 'broken')
            """);
        Assert.Equal(200, (await server.PatchLogsAsync("whole")).Status);

        Assert.Equal(WebSocketCloseStatus.InternalServerError, (await socket.ReceiveCloseAsync()).Status);
        var line = Assert.Single(log.Lines, static line => line.Contains("cannot be followed", StringComparison.Ordinal));
        Assert.Contains(nameof(FormatException), line, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(WebSocketMessageType.Text)]
    [InlineData(WebSocketMessageType.Binary)]
    public async Task AClientThatSpeaksIsClosedWith1008(WebSocketMessageType type)
    {
        await using var server = await ApiServer.StartAsync();
        using var socket = await server.FollowAsync();
        await socket.SendAsync(new byte[70_000], type, endOfMessage: true, TestContext.Current.CancellationToken);
        Assert.Equal((WebSocketCloseStatus.PolicyViolation, "unexpected data message"), await socket.ReceiveCloseAsync());
    }

    [Fact]
    public async Task AClientThatClosesIsAnswered()
    {
        await using var server = await ApiServer.StartAsync();
        using var socket = await server.FollowAsync();
        await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, TestContext.Current.CancellationToken);
        Assert.Equal(WebSocketCloseStatus.NormalClosure, (await socket.ReceiveCloseAsync()).Status);
    }

    [Fact]
    public async Task TheFollowerOfAnAgentThatIsRemovedIsClosedWith1000()
    {
        await using var server = await ApiServer.StartAsync();
        using var socket = await server.FollowAsync();
        Assert.Equal("[]\n", await socket.ReceiveTextAsync());
        var pending = socket.ReceiveCloseAsync();
        server.Execute("DELETE FROM workspace_agents");
        server.Services.GetSignals().Pulse(server.Agent.Id);
        Assert.Equal(WebSocketCloseStatus.NormalClosure, (await pending).Status);
    }

    [Fact]
    public async Task AClientThatNeverReadsHoldsUpNeitherOthersNorTheStop()
    {
        var clock = new ManualTimeProvider();
        await using var server = await ApiServer.StartAsync(
            static directory => new ControlPlaneOptions { DataDirectory = directory, MaxLogBytesPerAgent = 10_000_000 }, clock);

        // Six bytes on the wire for one stored: more than the sockets' buffers hold.
        for (var patch = 0; patch < 4; patch++)
        {
            Assert.Equal(
                200,
                (await server.PatchLogsAsync([.. Enumerable.Range(0, 600).Select(static _ => new string('<', 1000))])).Status);
        }

        using var slow = await server.FollowAsync();
        using var quick = await server.FollowAsync();
        var lines = 0;
        while (lines < 2400)
        {
            lines += (await quick.ReceiveOutputsAsync()).Count;
        }

        var stopped = server.StopAsync();
        await quick.ReceiveCloseAsync();
        await quick.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, TestContext.Current.CancellationToken);

        // The time that a closing socket has goes by when the quick one has answered: the slow one never does.
        await clock.AdvanceUntilAsync(stopped);
    }

    [Fact]
    public async Task AClientWithoutPongsIsCutOff()
    {
        await using var server = await ApiServer.StartAsync(static directory => new ControlPlaneOptions
        {
            DataDirectory = directory,
            WebSocketPingInterval = TimeSpan.FromSeconds(1),
            WebSocketPongTimeout = TimeSpan.FromSeconds(1),
        });

        // A client that reads its socket answers pings, so this one is raw.
        using var tcp = new System.Net.Sockets.TcpClient();
        await tcp.ConnectAsync(IPAddress.Loopback, server.Client.BaseAddress!.Port, TestContext.Current.CancellationToken);
        var stream = tcp.GetStream();
        await stream.WriteAsync(
            Encoding.ASCII.GetBytes(
                $"GET {server.AgentPath}/logs?follow HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                + $"Coder-Session-Token: {server.Credentials!.SessionToken}\r\n\r\n"),
            TestContext.Current.CancellationToken);
        var everything = new MemoryStream();
        try
        {
            await stream.CopyToAsync(everything, TestContext.Current.CancellationToken)
                .WaitAsync(ApiServer.Patience, TestContext.Current.CancellationToken);
        }
        catch (IOException)
        {
            // A reset is an end too.
            Assert.True(everything.Length > 0);
        }

        var bytes = everything.ToArray();
        Assert.StartsWith("HTTP/1.1 101", Encoding.ASCII.GetString(bytes), StringComparison.Ordinal);
        Assert.True(bytes.AsSpan().IndexOf((ReadOnlySpan<byte>)[0x81, 3, (byte)'[', (byte)']', (byte)'\n']) > 0);
        Assert.Contains((byte)0x89, bytes);
    }

    [Theory]
    [InlineData("http://evil.example.com", 403)]
    [InlineData("null", 403)]
    [InlineData("http://user@HOST", 101)]
    [InlineData("https://HOST", 101)]
    public async Task AnOriginOfAnotherHostIsRefused(string origin, int status)
    {
        await using var server = await ApiServer.StartAsync();
        var host = server.Client.BaseAddress!.Authority;
        using var socket = new ClientWebSocket();
        socket.Options.CollectHttpResponseDetails = true;
        socket.Options.SetRequestHeader("Coder-Session-Token", server.Credentials!.SessionToken);
        socket.Options.SetRequestHeader("Origin", origin.Replace("HOST", host, StringComparison.Ordinal));
        var connect = socket.ConnectAsync(
            new Uri($"ws://{host}{server.AgentPath}/logs?follow"), TestContext.Current.CancellationToken);
        if (status == 101)
        {
            await connect;
            Assert.Equal("[]\n", await socket.ReceiveTextAsync());
        }
        else
        {
            await Assert.ThrowsAsync<WebSocketException>(() => connect);
        }

        Assert.Equal(status, (int)socket.HttpStatusCode);
    }

    [Theory]
    [InlineData("http://a", "a")]
    [InlineData("https://a:443/x", "a:443")]
    [InlineData("http://[::1]:80", "[::1]:80")]
    [InlineData("http://b@a?x", "a")]
    [InlineData("http://evil#@a", "evil")]
    [InlineData("null", "")]
    [InlineData("", "")]
    [InlineData("://", "")]
    public void TheHostOfAnOriginIsAsSpelt(string origin, string host) => Assert.Equal(host, SameOrigin.HostOf(origin));

    [Fact]
    public async Task CompressionIsNeverNegotiated()
    {
        await using var server = await ApiServer.StartAsync();
        using var socket = await server.FollowAsync(
            configure: static options => options.DangerousDeflateOptions = new WebSocketDeflateOptions());
        Assert.False(socket.HttpResponseHeaders!.ContainsKey("Sec-WebSocket-Extensions"));
        Assert.Equal("[]\n", await socket.ReceiveTextAsync());
    }

    [Fact]
    public async Task FollowWithoutAHandshakeIs426()
    {
        await using var server = await ApiServer.StartAsync();
        var answer = await server.GetAsUserAsync(server.AgentPath + "/logs?follow");
        Assert.Equal((426, "websocket"), (answer.Status, answer.Headers["Upgrade"]));
        Assert.NotNull(answer.Message);
        Assert.Equal(401, (await server.GetAsync(server.AgentPath + "/logs?follow")).Status);
    }
}
