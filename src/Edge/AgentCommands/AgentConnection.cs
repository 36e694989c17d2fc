using System.Net.WebSockets;

namespace Edge.AgentCommands;

/// <summary>
/// The client's side of a TCP connection to an agent over a WebSocket (docs/wire/agent-tcp.md). An empty message ends one direction. One
/// read and one write may be pending at a time, and the end may come during a write.
/// </summary>
internal sealed class AgentConnection(WebSocket socket) : IDisposable
{
    /// <summary>The size of buffers for reads and writes. A message is not larger.</summary>
    public const int BufferBytes = 32 * 1024;

    private readonly SemaphoreSlim _sending = new(1, 1);
    private bool _hasBytes;
    private bool _hasEnded;

    /// <summary>Dials a port of an agent.</summary>
    /// <exception cref="AgentCommandException">The server refused, or does not answer.</exception>
    public static async Task<AgentConnection> DialAsync(AgentClient client, Guid agent, int port, CancellationToken cancellation) =>
        new(await client.OpenAsync(FormattableString.Invariant($"/api/v2/workspaceagents/{agent}/tcp?port={port}"), cancellation));

    /// <summary>Reads bytes; 0 at the end of the agent's bytes.</summary>
    /// <exception cref="AgentCommandException">The connection has failed, or the server has closed it before its end.</exception>
    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellation)
    {
        while (await ReceiveAsync(buffer, cancellation) is { } result)
        {
            _hasBytes |= result.Count > 0;
            var isEnd = result.EndOfMessage && !_hasBytes;
            _hasBytes &= !result.EndOfMessage;
            if (result.Count > 0 || isEnd)
            {
                return result.Count;
            }
        }

        return 0;
    }

    /// <summary>Writes bytes. After the end or a failure it does nothing: the read has the cause.</summary>
    public async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellation)
    {
        if (bytes.Length > 0)
        {
            await SendAsync(bytes, cancellation);
        }
    }

    /// <summary>Ends this side's bytes.</summary>
    public Task CompleteWritesAsync(CancellationToken cancellation) => SendAsync(ReadOnlyMemory<byte>.Empty, cancellation);

    /// <summary>Waits for the server's close, after the agent's bytes have ended.</summary>
    /// <exception cref="AgentCommandException">The connection has failed.</exception>
    public async Task FinishAsync(CancellationToken cancellation)
    {
        var buffer = new byte[1024];
        while (await ReceiveAsync(buffer, cancellation) is not null)
        {
            // The agent has ended its bytes already.
        }
    }

    /// <summary>Ends the connection at once. The agent gets an RST.</summary>
    public void Abort() => socket.Abort();

    public void Dispose()
    {
        socket.Dispose();
        _sending.Dispose();
    }

    /// <summary>Receives a part of a message; null at an orderly close, which it answers.</summary>
    private async Task<ValueWebSocketReceiveResult?> ReceiveAsync(Memory<byte> buffer, CancellationToken cancellation)
    {
        try
        {
            var result = await socket.ReceiveAsync(buffer, cancellation);
            if (result.MessageType != WebSocketMessageType.Close)
            {
                return result;
            }

            if (socket.State == WebSocketState.CloseReceived)
            {
                await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "", cancellation);
            }
        }
        catch (Exception error) when (
            error is WebSocketException || (error is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            throw new AgentCommandException($"the connection to the server is lost: {error.Message}", error);
        }

        return socket.CloseStatus == WebSocketCloseStatus.NormalClosure ? null : throw new AgentCommandException(
            socket.CloseStatusDescription is { Length: > 0 } reason ? reason : $"the server closed with {(int?)socket.CloseStatus}");
    }

    private async Task SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellation)
    {
        await _sending.WaitAsync(cancellation);
        try
        {
            if (!_hasEnded)
            {
                _hasEnded = bytes.IsEmpty;
                await socket.SendAsync(bytes, WebSocketMessageType.Binary, WebSocketMessageFlags.EndOfMessage, cancellation);
            }
        }
        catch (WebSocketException)
        {
            // The read fails with the server's close code, which may have come in the meantime.
            _hasEnded = true;
        }
        finally
        {
            _sending.Release();
        }
    }
}
