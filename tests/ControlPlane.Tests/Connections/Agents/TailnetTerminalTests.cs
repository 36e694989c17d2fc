using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using ControlPlane.Connections;
using ControlPlane.Connections.Agents;
using Tailnet.Ip.Tcp;

namespace ControlPlane.Tests.Connections.Agents;

/// <summary>Terminals of an agent on the tailnet, byte by byte.</summary>
public sealed class TailnetTerminalTests : IDisposable
{
    private static readonly TerminalRequest Request = new(Guid.NewGuid(), 24, 80, new string('x', 1_000));

    private readonly RawAgent _agent = new();
    private readonly FakeDialer _dialer = new();
    private readonly TailnetAgentConnection _connection;

    public TailnetTerminalTests()
    {
        _dialer.Listeners[2] = _agent.Address;
        _connection = new TailnetAgentConnection(
            new AgentPorts(_dialer, Guid.NewGuid(), TimeSpan.FromSeconds(30)),
            new ControlPlaneOptions { DataDirectory = "" },
            TimeProvider.System);
    }

    public void Dispose() => _agent.Dispose();

    [Fact]
    public async Task TheFirstMessageIsOneWrite()
    {
        await using var terminal = await OpenAsync();
        using var agent = await _agent.AcceptAsync();
        var init = await ReadInitAsync(agent);
        Assert.Equal(PtyInit.Write(Request), init);
        Assert.Equal(init.Length, Assert.Single(Assert.Single(_dialer.Streams).Writes));
        Assert.True(_dialer.Streams.Single().RunsInline);
    }

    [Fact]
    public async Task InputAndSizesAreJsonAndOutputIsRaw()
    {
        await using var terminal = await OpenAsync();
        using var agent = await _agent.AcceptAsync();
        await ReadInitAsync(agent);
        await terminal.WriteAsync("ls \u001b"u8.ToArray(), CancellationToken.None);
        await terminal.WriteAsync(new byte[] { 0xC3 }, CancellationToken.None);
        await terminal.ResizeAsync(0, 0, CancellationToken.None);
        await terminal.ResizeAsync(0, 1, CancellationToken.None);
        await terminal.ResizeAsync(40, 120, CancellationToken.None);
        await terminal.WriteAsync(new byte[] { 0xA9 }, CancellationToken.None);
        const string Expected = "{\"data\":\"ls \\u001B\"}{\"height\":40,\"width\":120}{\"data\":\"é\"}";
        var received = new byte[Encoding.UTF8.GetByteCount(Expected)];
        await agent.ReadExactlyAsync(received).AsTask().Soon();
        Assert.Equal(Expected, Encoding.UTF8.GetString(received));

        byte[] output = [0x1B, 0xC3, 0, 0xFF];
        await agent.WriteAsync(output);
        var buffer = new byte[100];
        var count = await terminal.ReadAsync(buffer, CancellationToken.None).AsTask().Soon();
        Assert.Equal(output, buffer[..count]);
    }

    [Fact]
    public async Task ALongPasteArrivesWhole()
    {
        await using var terminal = await OpenAsync();
        using var agent = await _agent.AcceptAsync();
        await ReadInitAsync(agent);
        var paste = string.Concat(Enumerable.Repeat("👋\u0001é\"x", 50_000));
        var writing = terminal.WriteAsync(Encoding.UTF8.GetBytes(paste), CancellationToken.None).AsTask();
        var text = new StringBuilder();
        var decoder = new JsonStream(agent);
        while (text.Length < paste.Length)
        {
            text.Append((await decoder.ReadAsync().Soon()).GetProperty("data").GetString());
        }

        await writing.Soon();
        Assert.Equal(paste, text.ToString());
    }

    [Fact]
    public async Task TheEndOfTheAgentsStreamIsTheEndOfTheProcess()
    {
        await using var terminal = await OpenAsync();
        using var agent = await _agent.AcceptAsync();
        await ReadInitAsync(agent);
        agent.Socket.Shutdown(SocketShutdown.Send);
        Assert.Equal(0, await terminal.ReadAsync(new byte[10], CancellationToken.None).AsTask().Soon());
    }

    [Theory]
    [InlineData(TcpCloseReason.AgentRestarted, "agent restarted")]
    [InlineData(TcpCloseReason.AgentLost, "agent lost")]
    [InlineData(TcpCloseReason.AgentGone, "agent lost")]
    [InlineData(TcpCloseReason.Reset, "agent lost")]
    [InlineData(TcpCloseReason.SendTimeout, "agent lost")]
    [InlineData(TcpCloseReason.Stopping, "the server stops")]
    public async Task AConnectionThatFailsSaysWhy(TcpCloseReason reason, string message)
    {
        await using var terminal = await OpenAsync();
        using var agent = await _agent.AcceptAsync();
        await ReadInitAsync(agent);
        var reading = terminal.ReadAsync(new byte[10], CancellationToken.None).AsTask();
        if (reason == TcpCloseReason.Reset)
        {
            agent.Socket.Close(0);
        }
        else
        {
            _dialer.Streams.Single().Fail(reason);
        }

        Assert.Equal(message, (await Assert.ThrowsAsync<AgentConnectionException>(() => reading.Soon())).Message);
    }

    [Fact]
    public async Task ADisposedTerminalDetaches()
    {
        var terminal = await OpenAsync();
        using var agent = await _agent.AcceptAsync();
        await ReadInitAsync(agent);
        await terminal.DisposeAsync();
        Assert.Equal(0, await agent.ReadAsync(new byte[10]).AsTask().Soon());
    }

    [Fact]
    public async Task AShellOfTheLocalAgentIsGone()
    {
        var gone = await Assert.ThrowsAsync<AgentConnectionException>(
            () => _connection.OpenTerminalAsync(Request with { Shell = Guid.NewGuid() }, CancellationToken.None));
        Assert.Equal(410, gone.Status);
        Assert.Empty(_dialer.Dials);
    }

    private static async Task<byte[]> ReadInitAsync(NetworkStream agent)
    {
        var head = new byte[2];
        await agent.ReadExactlyAsync(head).AsTask().Soon();
        var json = new byte[BinaryPrimitives.ReadUInt16LittleEndian(head)];
        await agent.ReadExactlyAsync(json).AsTask().Soon();
        return [.. head, .. json];
    }

    private Task<ITerminal> OpenAsync() => _connection.OpenTerminalAsync(Request, TestContext.Current.CancellationToken).Soon();
}
