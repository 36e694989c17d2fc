using System.Net.WebSockets;
using System.Text;
using Tailnet.Ip.Tcp;
using Tailnet.Peer;

namespace ControlPlane.Tests.Connections.Agents;

/// <content>Terminals: how they open, and which close code tells why they end.</content>
public sealed partial class TailnetReachTests
{
    [Fact]
    public async Task ATerminalRunsOverTheTailnet()
    {
        using var agent = new RawAgent();
        _dialer.Listeners[2] = agent.Address;
        await StartConnectedAsync();
        using var socket = await OpenAsync("&height=30&width=100&command=top&backend_type=screen");
        using var stream = await agent.AcceptAsync();
        var head = new byte[2];
        await stream.ReadExactlyAsync(head).AsTask().Soon();
        var json = new JsonStream(stream);
        Assert.Equal(
            $$"""{"ID":"{{Id}}","Height":30,"Width":100,"Command":"top","Container":"","ContainerUser":"","BackendType":"screen"}""",
            (await json.ReadAsync().Soon()).GetRawText());
        await socket.SendAsync(
            "{\"data\":\"ls\\r\",\"height\":4,\"width\":5}"u8.ToArray(), WebSocketMessageType.Binary, true, CancellationToken.None);
        Assert.Equal("""{"data":"ls\r"}""", (await json.ReadAsync().Soon()).GetRawText());
        Assert.Equal("""{"height":4,"width":5}""", (await json.ReadAsync().Soon()).GetRawText());
        await stream.WriteAsync("out"u8.ToArray());
        var buffer = new byte[10];
        var received = await socket.ReceiveAsync(buffer, CancellationToken.None).Soon();
        Assert.Equal("out", Encoding.UTF8.GetString(buffer, 0, received.Count));
        stream.Socket.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        Assert.Equal((WebSocketCloseStatus.NormalClosure, ""), await socket.ReceiveCloseAsync());
        await Eventually.TrueAsync(() => _dialer.Streams.Single().Disposed.IsCompleted, "the client is detached");
    }

    [Fact]
    public async Task AClientThatLeavesIsDetached()
    {
        using var agent = new RawAgent();
        _dialer.Listeners[2] = agent.Address;
        await StartConnectedAsync();
        using var socket = await OpenAsync();
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "", CancellationToken.None).Soon();
        await Eventually.TrueAsync(() => _dialer.Streams.Single().Disposed.IsCompleted, "the client is detached");
    }

    [Theory]
    [InlineData(TcpCloseReason.AgentRestarted, "agent restarted")]
    [InlineData(TcpCloseReason.AgentLost, "agent lost")]
    [InlineData(TcpCloseReason.SendTimeout, "agent lost")]
    public async Task AnAgentThatIsLostWhileATerminalIsOpenCloses1011(TcpCloseReason reason, string text)
    {
        using var agent = new RawAgent();
        _dialer.Listeners[2] = agent.Address;
        await StartConnectedAsync();
        using var socket = await OpenAsync();
        _dialer.Streams.Single().Fail(reason);
        Assert.Equal((WebSocketCloseStatus.InternalServerError, text), await socket.ReceiveCloseAsync());
    }

    [Theory]
    [InlineData(DialFailure.NotReachable, "dial workspace agent: workspace agent not reachable in time")]
    [InlineData(DialFailure.Lost, "dial workspace agent: agent lost")]
    [InlineData(DialFailure.Restarted, "dial workspace agent: agent restarted")]
    [InlineData(DialFailure.Refused, "dial: connection refused")]
    [InlineData(DialFailure.Busy, "dial: too many connections")]
    public async Task ATerminalThatCannotBeDialedCloses1011(DialFailure failure, string text)
    {
        _dialer.Failure = failure;
        await StartConnectedAsync();
        using var socket = await OpenAsync();
        Assert.Equal((WebSocketCloseStatus.InternalServerError, text), await socket.ReceiveCloseAsync());
    }

    [Fact]
    public async Task ATerminalPortThatEndsAtOnceCloses1011()
    {
        using var agent = new RawAgent();
        _dialer.Listeners[2] = agent.Address;
        _dialer.IsCutOff = true;
        await StartConnectedAsync();
        using var socket = await OpenAsync();
        Assert.Equal((WebSocketCloseStatus.InternalServerError, "dial: agent lost"), await socket.ReceiveCloseAsync());
    }

    [Fact]
    public async Task AShellOfTheLocalAgentIsGone()
    {
        await StartConnectedAsync();
        using var socket = Client();
        socket.Options.SetRequestHeader("Edge-Shell", Guid.NewGuid().ToString());
        await Assert.ThrowsAsync<WebSocketException>(() => socket.ConnectAsync(Url(""), CancellationToken.None).Soon());
        Assert.Equal(410, (int)socket.HttpStatusCode);
        Assert.Empty(_dialer.Dials);
    }

    [Fact]
    public async Task ATerminalOfAServerThatStopsCloses1001()
    {
        _dialer.Failure = DialFailure.Stopping;
        await StartConnectedAsync();
        using var socket = await OpenAsync();
        Assert.Equal((WebSocketCloseStatus.EndpointUnavailable, "server is shutting down"), await socket.ReceiveCloseAsync());
    }

    [Fact]
    public async Task ATerminalWhoseDialTakesTooLongCloses1011()
    {
        _dialer.IsSilent = true;
        await StartConnectedAsync();
        var opening = OpenAsync();
        await Eventually.TrueAsync(() => !_dialer.Dials.IsEmpty, "the agent is dialed");
        _time.Advance(TimeSpan.FromSeconds(30));
        using var socket = await opening;
        Assert.Equal(
            (WebSocketCloseStatus.InternalServerError, "dial workspace agent: workspace agent not reachable in time"),
            await socket.ReceiveCloseAsync());
    }

    [Fact]
    public async Task ATerminalWithoutANodeOfTheAgentIsAPage()
    {
        _dialer.Failure = DialFailure.NoNode;
        await StartConnectedAsync();
        using var socket = Client();
        await Assert.ThrowsAsync<WebSocketException>(() => socket.ConnectAsync(Url(""), CancellationToken.None).Soon());
        Assert.Equal(404, (int)socket.HttpStatusCode);
    }
}
