using System.Net.WebSockets;
using System.Text;
using ControlPlane.Connections;

namespace ControlPlane.Tests;

/// <summary><c>GET {id}/pty</c>: the stream, and every way it ends.</summary>
public sealed class TerminalApiTests : IAsyncDisposable
{
    private const string Id = "6f9619ff-8b86-4011-b42d-00c04fc964ff";

    private readonly FakeAgent _agent = new();
    private readonly ManualTimeProvider _time = new();
    private ApiServer _server = null!;

    public ValueTask DisposeAsync() => _server?.DisposeAsync() ?? ValueTask.CompletedTask;

    [Fact]
    public async Task InputAndSizesReachTheTerminalAndItsOutputTheClient()
    {
        using var socket = await OpenAsync($"?reconnect={Id}&height=30&width=100&command=top%20-b");
        await SendAsync(
            socket, "{\"data\":\"l", "s\\r\"}{\"height\":40,\"wid", "th\":120}{\"height\":7}", "{\"data\":\"x\",\"height\":1,\"width\":2}");
        foreach (var expected in (string[])["ls\r", "40x120", "x", "1x2"])
        {
            Assert.Equal(expected, await _agent.Terminal.Input.Reader.ReadAsync(TestContext.Current.CancellationToken).AsTask().Soon());
        }

        Assert.Equal(new TerminalRequest(Guid.Parse(Id), 30, 100, "top -b"), _agent.Requested);

        // Half a character is passed on as it is.
        byte[] output = [0x1B, (byte)'[', 0xC3];
        await _agent.Terminal.Output.Writer.WriteAsync(output, TestContext.Current.CancellationToken);
        var buffer = new byte[100];
        var received = await socket.ReceiveAsync(buffer, TestContext.Current.CancellationToken).Soon();
        Assert.Equal(WebSocketMessageType.Binary, received.MessageType);
        Assert.Equal(output, buffer[..received.Count]);
    }

    [Fact]
    public async Task TheEndOfTheProcessCloses1000AfterItsOutput()
    {
        using var socket = await OpenAsync();
        await _agent.Terminal.Output.Writer.WriteAsync("bye"u8.ToArray(), TestContext.Current.CancellationToken);
        _agent.Terminal.Output.Writer.Complete();
        var buffer = new byte[100];
        Assert.Equal(3, (await socket.ReceiveAsync(buffer, TestContext.Current.CancellationToken).Soon()).Count);
        Assert.Equal((WebSocketCloseStatus.NormalClosure, ""), await socket.ReceiveCloseAsync());
    }

    [Fact]
    public async Task AClientThatClosesIsDetached()
    {
        using var socket = await OpenAsync();
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "", TestContext.Current.CancellationToken).Soon();
        await _agent.Terminal.Detached.Soon();
    }

    [Fact]
    public async Task AClientThatVanishesIsDetached()
    {
        using var socket = await OpenAsync();
        socket.Abort();
        await _agent.Terminal.Detached.Soon();
    }

    [Fact]
    public async Task AnAgentThatRefusesCloses1011WithItsReason()
    {
        _agent.TerminalRefusal = new AgentConnectionException(429, "there are 64 terminals already " + new string('é', 100));
        using var socket = await OpenAsync();
        var (status, reason) = await socket.ReceiveCloseAsync();
        Assert.Equal(WebSocketCloseStatus.InternalServerError, status);
        Assert.StartsWith("dial workspace agent: there are 64 terminals already é", reason, StringComparison.Ordinal);
        Assert.InRange(Encoding.UTF8.GetByteCount(reason!), 120, 123);
    }

    [Fact]
    public async Task TheAnswerNamesTheShellAndARequestForItReachesTheAgent()
    {
        var shell = Guid.NewGuid();
        _agent.Terminal.Shell = shell;
        await StartAsync();
        using var socket = Client(shell.ToString());
        await socket.ConnectAsync(Url($"?reconnect={Id}"), TestContext.Current.CancellationToken).Soon();
        Assert.Equal(shell.ToString(), Assert.Single(socket.HttpResponseHeaders!["Edge-Shell"]));
        Assert.Equal(shell, _agent.Requested!.Shell);
    }

    [Theory]
    [InlineData(410, "the terminal's shell has ended", 410)]
    [InlineData(429, "the terminal has 16 clients already", 503)]
    public async Task AShellThatCannotBeAttachedToIsRefusedBeforeTheUpgrade(int refusal, string reason, int status)
    {
        _agent.TerminalRefusal = new AgentConnectionException(refusal, reason);
        await StartAsync();
        using var socket = Client(Guid.NewGuid().ToString());
        await Assert.ThrowsAsync<WebSocketException>(
            () => socket.ConnectAsync(Url($"?reconnect={Id}"), TestContext.Current.CancellationToken));
        Assert.Equal(status, (int)socket.HttpStatusCode);
    }

    [Fact]
    public async Task AShellsNameThatIsNoUuidIs400()
    {
        await StartAsync();
        using var socket = Client("nonsense");
        await Assert.ThrowsAsync<WebSocketException>(
            () => socket.ConnectAsync(Url($"?reconnect={Id}"), TestContext.Current.CancellationToken));
        Assert.Equal(400, (int)socket.HttpStatusCode);
        Assert.Null(_agent.Requested);
    }

    [Fact]
    public async Task AConnectedAgentThatThisServerHasNoWayToIsAPage()
    {
        _server = await ApiServer.StartAsync();
        await using var link = await TailnetLink.RpcAsync(_server);
        await Eventually.TrueAsync(
            async () => (await _server.GetAsUserAsync(_server.AgentPath)).Text("status") == "connected", "the agent is connected");
        var answer = await _server.GetAsUserAsync($"{_server.AgentPath}/pty?reconnect={Id}");
        Assert.Equal(404, answer.Status);
        Assert.Contains("This server has no way to the agent.", answer.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnAgentThatIsLostCloses1011()
    {
        using var socket = await OpenAsync();
        _agent.Terminal.Output.Writer.Complete(new AgentConnectionException("the local agent has ended"));
        Assert.Equal((WebSocketCloseStatus.InternalServerError, "the local agent has ended"), await socket.ReceiveCloseAsync());
    }

    [Fact]
    public async Task AServerThatStopsCloses1001()
    {
        using var socket = await OpenAsync();
        var stopping = _server.StopAsync();
        Assert.Equal((WebSocketCloseStatus.EndpointUnavailable, "server is shutting down"), await socket.ReceiveCloseAsync());
        await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "", TestContext.Current.CancellationToken);
        await stopping.Soon();
        await _agent.Terminal.Detached.Soon();
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("[1,2]")]
    [InlineData("{\"data\":5}")]
    [InlineData("{\"height\":70000,\"width\":1}")]
    public async Task WhatIsNoInputCloses1007(string input)
    {
        using var socket = await OpenAsync();
        await SendAsync(socket, input);
        Assert.Equal((WebSocketCloseStatus.InvalidPayloadData, "input must be JSON objects in UTF-8"), await socket.ReceiveCloseAsync());
    }

    [Fact]
    public async Task InvalidUtf8Closes1007()
    {
        using var socket = await OpenAsync();
        await socket.SendAsync(
            (byte[])[.. "{\"data\":\""u8, 0xFF, .. "\"}"u8], WebSocketMessageType.Binary, true, TestContext.Current.CancellationToken);
        Assert.Equal(WebSocketCloseStatus.InvalidPayloadData, (await socket.ReceiveCloseAsync()).Status);
    }

    [Fact]
    public async Task AnEndlessObjectCloses1009()
    {
        using var socket = await OpenAsync();
        await SendAsync(socket, "{\"data\":\"");
        var closed = socket.ReceiveCloseAsync();
        var part = Encoding.ASCII.GetBytes(new string('x', 64 * 1024));
        for (var i = 0; i < 64 && !closed.IsCompleted && socket.State == WebSocketState.Open; i++)
        {
            await socket.SendAsync(part, WebSocketMessageType.Binary, true, TestContext.Current.CancellationToken);
        }

        Assert.Equal((WebSocketCloseStatus.MessageTooBig, "an object of input is too long"), await closed);
    }

    [Fact]
    public async Task ATextMessageCloses1003()
    {
        using var socket = await OpenAsync();
        await socket.SendAsync("{}"u8.ToArray(), WebSocketMessageType.Text, true, TestContext.Current.CancellationToken);
        Assert.Equal((WebSocketCloseStatus.InvalidMessageType, "expected binary messages"), await socket.ReceiveCloseAsync());
    }

    [Fact]
    public async Task AClientThatReadsNothingIsCutWhenItIsClosed()
    {
        using var socket = await OpenAsync();
        await SendAsync(socket, "nonsense");
        var bulkTransfer = Task.Run(async () =>
        {
            while (!_agent.Terminal.Detached.IsCompleted && _agent.Terminal.Output.Reader.Count < 4096)
            {
                await _agent.Terminal.Output.Writer.WriteAsync(new byte[32 * 1024]);
            }
        });
        await _time.AdvanceUntilAsync(_agent.Terminal.Detached);
        await bulkTransfer.Soon();
    }

    [Theory]
    [InlineData("", 80, 80)]
    [InlineData("&height=0&width=0", 80, 80)]
    [InlineData("&height=65535&width=1", 65535, 1)]
    [InlineData("&backend_type=screen", 80, 80)]
    public async Task SizesAndBackendsThatAreRightAreTaken(string query, int height, int width)
    {
        using var socket = await OpenAsync($"?reconnect={Id}{query}");
        await _agent.Terminal.Output.Writer.WriteAsync("x"u8.ToArray(), TestContext.Current.CancellationToken);
        await socket.ReceiveAsync(new byte[1], TestContext.Current.CancellationToken).Soon();
        Assert.Equal(((ushort)height, (ushort)width), (_agent.Requested!.Height, _agent.Requested.Width));
    }

    [Fact]
    public async Task AClientIsPingedAndWithoutPongsItIsDetached()
    {
        var pings = TimeSpan.FromMilliseconds(100);
        _server = await ApiServer.StartAsync(
            directory => new ControlPlaneOptions
            {
                DataDirectory = directory,
                LocalAgent = _agent,
                WebSocketPingInterval = pings,
                WebSocketPongTimeout = pings,
            });

        // A client that reads its socket answers pings, so this one is raw.
        using var tcp = new System.Net.Sockets.TcpClient();
        await tcp.ConnectAsync(System.Net.IPAddress.Loopback, _server.Client.BaseAddress!.Port, TestContext.Current.CancellationToken);
        await tcp.GetStream().WriteAsync(
            Encoding.ASCII.GetBytes(
                $"GET {_server.AgentPath}/pty?reconnect={Id} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                + $"Coder-Session-Token: {_server.Credentials!.SessionToken}\r\n\r\n"),
            TestContext.Current.CancellationToken);
        var seen = "";
        var buffer = new byte[4096];
        while (!seen.Contains("\r\n\r\n\u0089", StringComparison.Ordinal))
        {
            var count = await tcp.GetStream().ReadAsync(buffer, TestContext.Current.CancellationToken).AsTask().Soon();
            Assert.True(count > 0, seen);
            seen += Encoding.Latin1.GetString(buffer, 0, count);
        }

        await _agent.Terminal.Detached.Soon();
    }

    [Fact]
    public void ThePingsOfClientsAre15SecondsApart() =>
        Assert.Equal(TimeSpan.FromSeconds(15), new ControlPlaneOptions { DataDirectory = "" }.WebSocketPingInterval);

    private async Task StartAsync() => _server = await ApiServer.StartAsync(
        directory => new ControlPlaneOptions { DataDirectory = directory, LocalAgent = _agent }, _time);

    private Uri Url(string query) =>
        new UriBuilder(new Uri(_server.Client.BaseAddress!, _server.AgentPath + "/pty" + query)) { Scheme = "ws" }.Uri;

    private ClientWebSocket Client(string shell)
    {
        var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Coder-Session-Token", _server.Credentials!.SessionToken);
        socket.Options.SetRequestHeader("Edge-Shell", shell);
        socket.Options.CollectHttpResponseDetails = true;
        return socket;
    }

    private async Task<ClientWebSocket> OpenAsync(string query = $"?reconnect={Id}")
    {
        await StartAsync();
        var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Coder-Session-Token", _server.Credentials!.SessionToken);
        await socket.ConnectAsync(Url(query), TestContext.Current.CancellationToken).Soon();
        return socket;
    }

    private static async Task SendAsync(ClientWebSocket socket, params string[] messages)
    {
        foreach (var message in messages)
        {
            await socket.SendAsync(
                Encoding.UTF8.GetBytes(message), WebSocketMessageType.Binary, true, TestContext.Current.CancellationToken);
        }
    }
}
