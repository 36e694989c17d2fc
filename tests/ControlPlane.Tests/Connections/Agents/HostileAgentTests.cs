using System.Net.Sockets;
using System.Text;
using ControlPlane.Connections;
using ControlPlane.Connections.Agents;

namespace ControlPlane.Tests.Connections.Agents;

/// <summary>Answers that no agent should give: each ends the call with an error and its connection, and reaches no other host.</summary>
public sealed class HostileAgentTests
{
    private const string Ok = "HTTP/1.1 200 OK\r\n";

    private readonly FakeDialer _dialer = new();

    [Theory]
    [InlineData("garbage\r\n\r\n", "the agent's answer is not HTTP")]
    [InlineData("", "the agent's answer is cut off")]
    [InlineData(Ok, "the agent's answer is cut off")]
    [InlineData(Ok + "Content-Length: 100\r\n\r\n{\"ports\":[", "the agent's answer is cut off")]
    [InlineData(Ok + "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"por", "the agent's answer is cut off")]
    [InlineData(Ok + "Transfer-Encoding: chunked\r\n\r\nx\r\n", "the agent's answer is not HTTP")]
    [InlineData(Ok + "Content-Length: 99999999\r\n\r\n", "the agent's answer is too long")]
    [InlineData(Ok + "\r\n", "the agent's answer is not the expected JSON")]
    [InlineData(Ok + "\r\nnull", "the agent's answer is null")]
    [InlineData(Ok + "\r\n[]", "the agent's answer is not the expected JSON")]
    [InlineData(Ok + "\r\n{\"ports\":[{\"port\":1e99}]}", "the agent's answer is not the expected JSON")]
    [InlineData(Ok + "\r\n{\"ports\":[{\"port\":80,\"process_name\":\"\\ud800\"}]}", "the agent's answer is not the expected JSON")]
    [InlineData("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
        "the agent has answered with status 302")]
    [InlineData("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Negotiate\r\nContent-Length: 0\r\n\r\n",
        "the agent has answered with status 401")]
    [InlineData("HTTP/1.1 407 Proxy\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n", "the agent has answered with status 407")]
    [InlineData("HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", "the agent has answered with status 101")]
    [InlineData("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\n\r\noops", "the agent has answered with status 500")]
    [InlineData("HTTP/1.1 204 No Content\r\n\r\n", "the agent has answered with status 204")]
    [InlineData("HTTP/1.1 403 Forbidden\r\nContent-Length: 14\r\n\r\n{\"message\":\"\"}", "the agent has answered with status 403")]
    public async Task AnAnswerThatIsNoneIsNotReachable(string answer, string message)
    {
        var exception = await AskAsync(stream => stream.WriteAsync(Encoding.Latin1.GetBytes(answer)).AsTask());
        Assert.Null(exception.Status);
        Assert.Equal(message, exception.Message);
        Assert.Single(_dialer.Dials);
    }

    [Fact]
    public async Task A5xxOfTheAgentIs502WithItsTexts()
    {
        var exception = await AskAsync(static stream => stream.WriteAsync(
            "HTTP/1.1 500 Oops\r\nContent-Length: 28\r\n\r\n{\"message\":\"m\",\"detail\":\"d\"}"u8.ToArray()).AsTask());
        Assert.Equal((502, "m", "d"), (exception.Status, exception.Message, exception.Detail));
    }

    [Fact]
    public async Task AnEndlessHeaderIsCutOff()
    {
        var exception = await AskAsync(static async stream =>
        {
            await stream.WriteAsync(Encoding.ASCII.GetBytes(Ok));
            await PourAsync(stream, "X-Header: " + new string('x', 1_000) + "\r\n", 64 * 1024);
        });
        Assert.Equal("the agent's answer is too long", exception.Message);
    }

    [Fact]
    public async Task AnEndlessLineOfAHeaderIsCutOff()
    {
        var exception = await AskAsync(static async stream =>
        {
            await stream.WriteAsync(Encoding.ASCII.GetBytes(Ok + "X: "));
            await PourAsync(stream, new string('x', 1_000), 64 * 1024);
        });
        Assert.Equal("the agent's answer is too long", exception.Message);
    }

    [Theory]
    [InlineData("")]
    [InlineData("Transfer-Encoding: chunked\r\n")]
    public async Task AnEndlessBodyIsCutOff(string header)
    {
        var exception = await AskAsync(async stream =>
        {
            await stream.WriteAsync(Encoding.ASCII.GetBytes(Ok + header + "\r\n"));
            var part = new string(' ', 1_000);
            await PourAsync(stream, header.Length > 0 ? "3e8\r\n" + part + "\r\n" : part, 8 << 20);
        });
        Assert.Equal("the agent's answer is too long", exception.Message);
    }

    [Theory]
    [InlineData(62, true)]
    [InlineData(64, false)]
    [InlineData(1_000_000, false)]
    public async Task DeepJsonIsRefused(int depth, bool isRead)
    {
        var json = "{\"later\":" + new string('[', depth) + new string(']', depth) + ",\"ports\":[]}";
        using var agent = RawAgent.Answering(Encoding.ASCII.GetBytes(Ok + "\r\n" + json));
        var asking = Connect(agent).ListListeningPortsAsync(TestContext.Current.CancellationToken).Soon();
        if (isRead)
        {
            Assert.Empty(await asking);
        }
        else
        {
            Assert.Equal(
                "the agent's answer is not the expected JSON", (await Assert.ThrowsAsync<AgentConnectionException>(() => asking)).Message);
        }
    }

    [Fact]
    public async Task AnAgentThatSaysNothingIsLeftWhenTheCallerLeaves()
    {
        using var agent = new RawAgent();
        using var limit = new CancellationTokenSource();
        var asking = Connect(agent).ListListeningPortsAsync(limit.Token);
        using var stream = await agent.AcceptAsync();
        await RawAgent.ReadHeadAsync(stream).Soon();
        await limit.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asking.Soon());
        Assert.True(_dialer.Streams.Single().Disposed.IsCompleted);
    }

    [Fact]
    public async Task AnAgentThatIsLostInTheMiddleOfAnAnswerIsNamed()
    {
        using var agent = new RawAgent();
        var asking = Connect(agent).ListListeningPortsAsync(TestContext.Current.CancellationToken);
        using var stream = await agent.AcceptAsync();
        await RawAgent.ReadHeadAsync(stream).Soon();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(Ok + "Content-Length: 9\r\n\r\n{"));
        _dialer.Streams.Single().Fail(Tailnet.Ip.Tcp.TcpCloseReason.AgentRestarted);
        Assert.Equal("agent restarted", (await Assert.ThrowsAsync<AgentConnectionException>(() => asking.Soon())).Message);
    }

    [Theory]
    [InlineData("Sec-WebSocket-Accept: nonsense\r\n")]
    [InlineData("")]
    public async Task AWatchThatIsNoWebSocketIsRefused(string header)
    {
        using var agent = RawAgent.Answering(Encoding.ASCII.GetBytes(
            "HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" + header + "\r\n"));
        await using var watch = Connect(agent).WatchContainersAsync(CancellationToken.None).GetAsyncEnumerator(CancellationToken.None);
        Assert.Equal(
            "the agent's answer is not a WebSocket",
            (await Assert.ThrowsAsync<AgentConnectionException>(() => watch.MoveNextAsync().AsTask().Soon())).Message);
    }

    [Theory]
    [InlineData(0x81, 5 << 20, "the agent's message is too long")]
    [InlineData(0x82, 10, "the agent has sent a binary message")]
    [InlineData(0xF1, 10, "agent lost")]
    [InlineData(0x81, 10, "the agent's answer is not the expected JSON")]
    public async Task AMessageOfAWatchThatIsNoneEndsIt(int opcode, int length, string message)
    {
        using var agent = new RawAgent(async stream =>
        {
            var head = await RawAgent.ReadHeadAsync(stream);
            var key = head.Split("Sec-WebSocket-Key: ")[1].Split("\r\n")[0];
#pragma warning disable CA5350 // the protocol's hash
            var accept = Convert.ToBase64String(System.Security.Cryptography.SHA1.HashData(
                Encoding.ASCII.GetBytes(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
#pragma warning restore CA5350
            await stream.WriteAsync(Encoding.ASCII.GetBytes(
                $"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"));
            var frame = new byte[10];
            (frame[0], frame[1]) = ((byte)opcode, 127);
            System.Buffers.Binary.BinaryPrimitives.WriteInt64BigEndian(frame.AsSpan(2), length);
            await stream.WriteAsync(frame);
            await PourAsync(stream, new string(' ', 10), length);
        });
        await using var watch = Connect(agent).WatchContainersAsync(CancellationToken.None).GetAsyncEnumerator(CancellationToken.None);
        Assert.Equal(message, (await Assert.ThrowsAsync<AgentConnectionException>(() => watch.MoveNextAsync().AsTask().Soon())).Message);
        Assert.True(_dialer.Streams.Single().Disposed.IsCompleted);
    }

    private static async Task PourAsync(NetworkStream stream, string part, int bytes)
    {
        var buffer = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat(part, Math.Max(1, Math.Min(bytes, 64 * 1024) / part.Length))));
        for (var sent = 0; sent < bytes; sent += buffer.Length)
        {
            await stream.WriteAsync(buffer);
        }
    }

    private TailnetAgentConnection Connect(RawAgent agent)
    {
        _dialer.Listeners[4] = agent.Address;
        return new TailnetAgentConnection(
            new AgentPorts(_dialer, Guid.NewGuid(), TimeSpan.FromSeconds(30)),
            new ControlPlaneOptions { DataDirectory = "" },
            TimeProvider.System);
    }

    private async Task<AgentConnectionException> AskAsync(Func<NetworkStream, Task> answer)
    {
        using var agent = new RawAgent(async stream =>
        {
            await RawAgent.ReadHeadAsync(stream);
            await answer(stream);
        });
        var exception = await Assert.ThrowsAsync<AgentConnectionException>(
            () => Connect(agent).ListListeningPortsAsync(TestContext.Current.CancellationToken).Soon());
        Assert.True(_dialer.Streams.Single().Disposed.IsCompleted);
        return exception;
    }
}
