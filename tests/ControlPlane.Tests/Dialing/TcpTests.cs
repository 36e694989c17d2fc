using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using ControlPlane.Access;
using Microsoft.Extensions.DependencyInjection;
using Tailnet.Ip.Tcp;

namespace ControlPlane.Tests.Dialing;

/// <summary>A TCP connection to an agent over a WebSocket.</summary>
public sealed class TcpTests
{
    private const int Mebibyte = 1024 * 1024;

    [Fact]
    public async Task AMebibyteEachWayArrivesWhole()
    {
        await using var server = await DialingServer.StartAsync();
        using var socket = await server.ConnectAsync();
        using var agent = await server.Dialer.AcceptAsync();
        var (up, down) = (RandomNumberGenerator.GetBytes(Mebibyte), RandomNumberGenerator.GetBytes(Mebibyte));

        var uploading = UploadAsync();
        var downloading = agent.SendAsync(down);
        var received = ReadAsync(socket, Mebibyte);
        var uploaded = agent.ReadToEndAsync();
        await Task.WhenAll(uploading, downloading, received, uploaded).Soon();

        Assert.Equal(SHA256.HashData(up), SHA256.HashData(await uploaded));
        Assert.Equal(SHA256.HashData(down), SHA256.HashData(await received));
        agent.Finish();
        Assert.Empty(await ReadToEndAsync(socket));
        Assert.Equal((WebSocketCloseStatus.NormalClosure, ""), await socket.ReceiveCloseAsync());

        // Messages of all sizes, also of several frames.
        async Task UploadAsync()
        {
            var (sent, size) = (0, 1);
            while (sent < up.Length)
            {
                size = Math.Min((size * 3) + 1, Math.Min(200_000, up.Length - sent));
                await SendAsync(socket, up.AsMemory(sent, size), endsMessage: size % 2 == 0 || sent + size == up.Length);
                sent += size;
            }

            await SendAsync(socket, ReadOnlyMemory<byte>.Empty);
        }
    }

    [Fact]
    public async Task AClientThatHasSentEverythingStillGetsTheAnswer()
    {
        await using var server = await DialingServer.StartAsync();
        using var socket = await server.ConnectAsync();
        using var agent = await server.Dialer.AcceptAsync();

        await SendAsync(socket, "question");
        await SendAsync(socket, "");
        Assert.Equal("question", Encoding.UTF8.GetString(await agent.ReadToEndAsync()));
        await agent.SendAsync("answer"u8.ToArray());
        agent.Finish();

        Assert.Equal("answer", Encoding.UTF8.GetString(await ReadToEndAsync(socket)));
        Assert.Equal((WebSocketCloseStatus.NormalClosure, ""), await socket.ReceiveCloseAsync());
    }

    [Fact]
    public async Task AnAgentThatHasSentEverythingStillGetsTheClientsBytes()
    {
        await using var server = await DialingServer.StartAsync();
        using var socket = await server.ConnectAsync();
        using var agent = await server.Dialer.AcceptAsync();

        agent.Finish();
        Assert.Empty(await ReadToEndAsync(socket));
        await SendAsync(socket, "late");
        await SendAsync(socket, "");

        Assert.Equal("late", Encoding.UTF8.GetString(await agent.ReadToEndAsync()));
        Assert.Equal((WebSocketCloseStatus.NormalClosure, ""), await socket.ReceiveCloseAsync());
    }

    [Fact]
    public async Task AnEmptyFrameOfALongerMessageIsNoEnd()
    {
        await using var server = await DialingServer.StartAsync();
        using var socket = await server.ConnectAsync();
        using var agent = await server.Dialer.AcceptAsync();

        await SendAsync(socket, "a"u8.ToArray(), endsMessage: false);
        await SendAsync(socket, ReadOnlyMemory<byte>.Empty);
        await SendAsync(socket, ReadOnlyMemory<byte>.Empty, endsMessage: false);
        await SendAsync(socket, "b");
        await SendAsync(socket, "");

        Assert.Equal("ab", Encoding.UTF8.GetString(await agent.ReadToEndAsync()));
    }

    [Fact]
    public async Task ATextMessageIsRefused()
    {
        await using var server = await DialingServer.StartAsync();
        using var socket = await server.ConnectAsync();
        using var agent = await server.Dialer.AcceptAsync();
        await socket.SendAsync("x"u8.ToArray(), WebSocketMessageType.Text, true, TestContext.Current.CancellationToken);
        Assert.Equal((WebSocketCloseStatus.InvalidMessageType, "expected binary messages"), await socket.ReceiveCloseAsync());
        await Assert.ThrowsAsync<SocketException>(agent.ReadToEndAsync);
    }

    [Fact]
    public async Task BytesAfterTheEndAreRefused()
    {
        await using var server = await DialingServer.StartAsync();
        using var socket = await server.ConnectAsync();
        using var agent = await server.Dialer.AcceptAsync();
        await SendAsync(socket, "");
        await SendAsync(socket, "");
        await SendAsync(socket, "x");
        Assert.Equal((WebSocketCloseStatus.ProtocolError, "bytes after an empty message"), await socket.ReceiveCloseAsync());
    }

    [Theory]
    [InlineData(TcpCloseReason.Reset, WebSocketCloseStatus.InternalServerError, "connection reset")]
    [InlineData(TcpCloseReason.AgentRestarted, WebSocketCloseStatus.InternalServerError, "agent restarted")]
    [InlineData(TcpCloseReason.AgentGone, WebSocketCloseStatus.InternalServerError, "agent lost")]
    [InlineData(TcpCloseReason.AgentLost, WebSocketCloseStatus.InternalServerError, "agent lost")]
    [InlineData(TcpCloseReason.SendTimeout, WebSocketCloseStatus.InternalServerError, "agent lost")]
    [InlineData(TcpCloseReason.KeepAliveTimeout, WebSocketCloseStatus.InternalServerError, "agent lost")]
    [InlineData(TcpCloseReason.Stopping, WebSocketCloseStatus.EndpointUnavailable, "server is shutting down")]
    public async Task AConnectionThatFailsIsClosedWithItsCause(TcpCloseReason reason, WebSocketCloseStatus status, string text)
    {
        await using var server = await DialingServer.StartAsync();
        using var socket = await server.ConnectAsync();
        using var agent = await server.Dialer.AcceptAsync();
        await agent.SendAsync("last words"u8.ToArray());
        Assert.Equal("last words", Encoding.UTF8.GetString(await ReadAsync(socket, 10)));
        agent.Stream.Fail(reason);
        Assert.Equal((status, text), await socket.ReceiveCloseAsync());
    }

    [Fact]
    public async Task AResetOfTheAgentReachesTheClient()
    {
        await using var server = await DialingServer.StartAsync();
        using var socket = await server.ConnectAsync();
        using var agent = await server.Dialer.AcceptAsync();
        agent.Socket.Close(timeout: 0);
        Assert.Equal((WebSocketCloseStatus.InternalServerError, "connection reset"), await socket.ReceiveCloseAsync());
    }

    [Fact]
    public async Task AFailedWriteIsTheCauseAfterTheAgentsEnd()
    {
        await using var server = await DialingServer.StartAsync();
        using var socket = await server.ConnectAsync();
        using var agent = await server.Dialer.AcceptAsync();
        agent.Finish();
        Assert.Empty(await ReadToEndAsync(socket));
        agent.Stream.Fail(TcpCloseReason.AgentRestarted);
        await SendAsync(socket, "late");
        Assert.Equal((WebSocketCloseStatus.InternalServerError, "agent restarted"), await socket.ReceiveCloseAsync());
    }

    [Fact]
    public async Task AClientThatClosesIsAFinForTheAgent()
    {
        await using var server = await DialingServer.StartAsync();
        using var socket = await server.ConnectAsync();
        using var agent = await server.Dialer.AcceptAsync();
        await SendAsync(socket, "bye");
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "", TestContext.Current.CancellationToken).Soon();
        Assert.Equal("bye", Encoding.UTF8.GetString(await agent.ReadToEndAsync()));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task AClientThatFailsIsAResetForTheAgent(bool closes)
    {
        await using var server = await DialingServer.StartAsync();
        using var socket = await server.ConnectAsync();
        using var agent = await server.Dialer.AcceptAsync();
        if (closes)
        {
            await socket.CloseAsync(WebSocketCloseStatus.EndpointUnavailable, "", TestContext.Current.CancellationToken).Soon();
        }
        else
        {
            socket.Abort();
        }

        var error = await Assert.ThrowsAsync<SocketException>(agent.ReadToEndAsync);
        Assert.Equal(SocketError.ConnectionReset, error.SocketErrorCode);
    }

    [Fact]
    public async Task AConnectionEndsWithTheServer()
    {
        await using var server = await DialingServer.StartAsync();
        using var socket = await server.ConnectAsync();
        using var agent = await server.Dialer.AcceptAsync();
        var stopping = server.Api.StopAsync();
        Assert.Equal((WebSocketCloseStatus.EndpointUnavailable, "server is shutting down"), await socket.ReceiveCloseAsync());
        await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "", TestContext.Current.CancellationToken);
        await Assert.ThrowsAsync<SocketException>(agent.ReadToEndAsync);
        await stopping.Soon();
    }

    [Fact]
    public async Task AWithdrawnTokenEndsTheConnectionAndNoMoreBytesReachTheAgent()
    {
        await using var server = await DialingServer.StartAsync();
        using var socket = await server.ConnectAsync();
        using var agent = await server.Dialer.AcceptAsync();
        await SendAsync(socket, "before");
        Assert.Equal(6, await agent.Socket.ReceiveAsync(new byte[10], TestContext.Current.CancellationToken));

        server.Api.Execute("DELETE FROM api_keys");
        server.Api.Services.GetRequiredService<AccessSignals>().Wake(Guid.Empty);

        Assert.Equal((WebSocketCloseStatus.PolicyViolation, "access was withdrawn"), await socket.ReceiveCloseAsync());
        await SendAsync(socket, "after");
        await socket.CloseOutputAsync(WebSocketCloseStatus.PolicyViolation, "", TestContext.Current.CancellationToken);
        await Assert.ThrowsAsync<SocketException>(() => agent.Socket.ReceiveAsync(new byte[10], TestContext.Current.CancellationToken)
            .AsTask().Soon());
    }

    [Fact]
    public async Task AClientMayReadTheLastBytesLongAfterTheEnd()
    {
        var time = new ManualTimeProvider();
        await using var server = await DialingServer.StartAsync(time);
        using var socket = await server.ConnectAsync();
        using var agent = await server.Dialer.AcceptAsync();
        await SendAsync(socket, "");
        await agent.SendAsync(new byte[100_000]);
        agent.Finish();
        await agent.Stream.Disposed.Soon();

        time.Advance(TimeSpan.FromSeconds(20));

        Assert.Equal(100_000, (await ReadToEndAsync(socket)).Length);
        Assert.Equal((WebSocketCloseStatus.NormalClosure, ""), await socket.ReceiveCloseAsync());
    }

    [Fact]
    public async Task AClientThatReadsSlowlySlowsTheAgent()
    {
        const long Total = 64 * Mebibyte;
        const long Ahead = 12 * Mebibyte; // The kernel's buffers of both sides take a part.
        await using var server = await DialingServer.StartAsync();
        using var endless = new EndlessAgent(Total);
        server.Dialer.Stream = endless;
        using var socket = await server.ConnectAsync();
        var buffer = new byte[64 * 1024];
        var read = 0L;
        while (read < Total)
        {
            read += (await socket.ReceiveAsync(buffer.AsMemory(), TestContext.Current.CancellationToken).AsTask().Soon()).Count;
            Assert.InRange(endless.BytesRead, read, read + Ahead);
        }
    }

    [Fact]
    public async Task AnAgentThatReadsSlowlySlowsTheClient()
    {
        const long Total = 64 * Mebibyte;
        const long Ahead = 12 * Mebibyte;

        // The client's pongs are behind its bytes, and must not be missed.
        await using var server = await DialingServer.StartAsync(options: static directory => new ControlPlaneOptions
        {
            DataDirectory = directory,
            WebSocketPingInterval = TimeSpan.FromMilliseconds(10),
            WebSocketPongTimeout = TimeSpan.FromMilliseconds(10),
        });
        using var endless = new EndlessAgent(0);
        server.Dialer.Stream = endless;
        using var socket = await server.ConnectAsync();
        var sent = 0L;
        var sending = Task.Run(async () =>
        {
            for (var message = new byte[64 * 1024]; sent < Total; Volatile.Write(ref sent, sent + message.Length))
            {
                await SendAsync(socket, message);
            }
        });
        while (endless.BytesWritten < Total)
        {
            await endless.TakeAsync().Soon();
            Assert.InRange(Volatile.Read(ref sent), 0, endless.BytesWritten + Ahead);
        }

        await sending.Soon();
    }

    private static Task SendAsync(WebSocket socket, string text) => SendAsync(socket, Encoding.UTF8.GetBytes(text));

    private static Task SendAsync(WebSocket socket, ReadOnlyMemory<byte> bytes, bool endsMessage = true) =>
        socket.SendAsync(bytes, WebSocketMessageType.Binary, endsMessage, TestContext.Current.CancellationToken).AsTask();

    private static async Task<byte[]> ReadAsync(WebSocket socket, int count)
    {
        var bytes = new byte[count];
        for (var read = 0; read < count;)
        {
            var result = await socket.ReceiveAsync(bytes.AsMemory(read), TestContext.Current.CancellationToken).AsTask().Soon();
            Assert.Equal(WebSocketMessageType.Binary, result.MessageType);
            Assert.NotEqual(0, result.Count);
            read += result.Count;
        }

        return bytes;
    }

    /// <summary>All bytes until the empty message.</summary>
    private static async Task<byte[]> ReadToEndAsync(WebSocket socket)
    {
        using var bytes = new MemoryStream();
        var buffer = new byte[10_000];
        while (true)
        {
            var result = await socket.ReceiveAsync(buffer.AsMemory(), TestContext.Current.CancellationToken).AsTask().Soon();
            Assert.Equal(WebSocketMessageType.Binary, result.MessageType);
            if (result.Count == 0)
            {
                return bytes.ToArray();
            }

            bytes.Write(buffer, 0, result.Count);
        }
    }
}
