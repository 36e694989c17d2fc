using System.IO.Pipelines;
using System.Net.WebSockets;

namespace ControlPlane.Http;

/// <summary>
/// A WebSocket as one duplex byte stream (tailnet.md §3.2): binary messages carry bytes and their boundaries mean nothing. A text
/// message ends the stream and is answered by close 1003. A peer's close of 1000 or 1001 is the stream's end, any other a failure.
/// </summary>
internal sealed class SocketPipe : IDuplexPipe
{
    private const int Held = 64 * 1024;

    private readonly WebSocket _socket;
    private readonly ControlPlaneOptions _options;
    private readonly TimeProvider _time;
    private readonly SocketWriter _writer;
    private readonly Task _receiving;

    // Its reader goes on where the bytes came in: it is a parser that never blocks, and a change of threads costs more than it does.
    private readonly Pipe _received = new(new PipeOptions(
        readerScheduler: PipeScheduler.Inline, pauseWriterThreshold: Held, resumeWriterThreshold: Held / 2, useSynchronizationContext: false));

    private bool _textReceived;

    /// <summary>Begins to receive. Whoever uses the stream completes both its ends and then calls <see cref="FinishAsync"/>.</summary>
    public SocketPipe(WebSocket socket, ControlPlaneOptions options, TimeProvider time)
    {
        (_socket, _options, _time) = (socket, options, time);
        _writer = new SocketWriter(socket);
        _receiving = ReceiveAsync();
    }

    /// <inheritdoc/>
    public PipeReader Input => _received.Reader;

    /// <inheritdoc/>
    public PipeWriter Output => _writer;

    /// <summary>
    /// Sends what is left and the close, and waits for the peer's; within <see cref="ControlPlaneOptions.WebSocketCloseTimeout"/>, then
    /// the connection is cut. Never throws.
    /// </summary>
    public async Task FinishAsync(WebSocketCloseStatus status, string reason)
    {
        using var cut = new CancellationTokenSource(_options.WebSocketCloseTimeout, _time);
        using var abort = cut.Token.Register(_socket.Abort);
        try
        {
            await _writer.Sending;
            if (_textReceived)
            {
                (status, reason) = (WebSocketCloseStatus.InvalidMessageType, "expected binary messages");
            }

            if (_socket.State is WebSocketState.Open or WebSocketState.CloseReceived)
            {
                await _socket.CloseOutputAsync(status, reason, CancellationToken.None);
            }
        }
        catch (Exception)
        {
            // However it fails, the peer is no longer there to be told.
            _socket.Abort();
        }

        await _receiving;
    }

    private async Task ReceiveAsync()
    {
        Exception? failure = null;
        try
        {
            while (true)
            {
                // An empty read waits without a buffer: most sessions are silent most of the time.
                var result = await _socket.ReceiveAsync(Memory<byte>.Empty, CancellationToken.None);
                if (result.MessageType == WebSocketMessageType.Binary)
                {
                    result = await _socket.ReceiveAsync(_received.Writer.GetMemory(), CancellationToken.None);
                }

                if (result.MessageType == WebSocketMessageType.Close)
                {
                    failure = _socket.CloseStatus is WebSocketCloseStatus.NormalClosure or WebSocketCloseStatus.EndpointUnavailable
                        ? null
                        : new IOException("The peer closed its WebSocket with an error.");
                    return;
                }

                if (result.MessageType == WebSocketMessageType.Text)
                {
                    _textReceived = true;
                    failure = new IOException("The peer sent a text message.");
                    break;
                }

                _received.Writer.Advance(result.Count);
                if ((await _received.Writer.FlushAsync()).IsCompleted)
                {
                    break;
                }
            }
        }
        catch (Exception exception)
        {
            failure = exception; // Whoever reads the pipe has it.
        }
        finally
        {
            await _received.Writer.CompleteAsync(failure);
        }

        await DiscardAsync();
    }

    /// <summary>Nobody reads any more: what still comes is dropped until the peer's close, or the cut.</summary>
    private async Task DiscardAsync()
    {
        try
        {
            var buffer = new byte[1024];
            while (_socket.State is WebSocketState.Open or WebSocketState.CloseSent)
            {
                await _socket.ReceiveAsync(buffer, CancellationToken.None);
            }
        }
        catch (Exception)
        {
            // However reading fails, nothing can be read any more.
            _socket.Abort();
        }
    }
}
