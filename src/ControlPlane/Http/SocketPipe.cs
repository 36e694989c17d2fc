using System.IO.Pipelines;
using System.Net.WebSockets;

namespace ControlPlane.Http;

/// <summary>
/// A WebSocket as one duplex byte stream (tailnet.md §3.2). Binary messages carry the bytes, and their boundaries have no meaning. A text
/// message ends the stream with close code 1003. A peer's close code 1000 or 1001 ends the stream, and any other code is an error.
/// </summary>
internal sealed class SocketPipe : IDuplexPipe
{
    private const int BufferBytes = 64 * 1024;

    private readonly WebSocket _socket;
    private readonly ControlPlaneOptions _options;
    private readonly TimeProvider _time;
    private readonly SocketWriter _writer;
    private readonly Task _receiving;

    // The reader runs inline on the receiving thread: it is a parser that never blocks, and a thread switch costs more than its work.
    private readonly Pipe _received = new(new PipeOptions(
        readerScheduler: PipeScheduler.Inline,
        pauseWriterThreshold: BufferBytes,
        resumeWriterThreshold: BufferBytes / 2,
        useSynchronizationContext: false));

    private bool _textReceived;

    /// <summary>Begins to receive. The owner completes both ends of the pipe and then calls <see cref="FinishAsync"/>.</summary>
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
    /// Sends the buffered bytes and a close frame, and waits for the peer's close frame. Aborts the connection after
    /// <see cref="ControlPlaneOptions.WebSocketCloseTimeout"/>. Never throws.
    /// </summary>
    public async Task FinishAsync(WebSocketCloseStatus status, string reason)
    {
        using var timeout = new CancellationTokenSource(_options.WebSocketCloseTimeout, _time);
        using var abort = timeout.Token.Register(_socket.Abort);
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
            // After any failure the connection is lost, and no close frame can be sent.
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
                // A zero-byte read waits without a buffer: most sessions are idle most of the time.
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
            failure = exception; // The pipe's reader gets it.
        }
        finally
        {
            await _received.Writer.CompleteAsync(failure);
        }

        await DiscardAsync();
    }

    /// <summary>Discards messages after the stream's end, until the peer closes or the connection is aborted.</summary>
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
            // After any failure the socket cannot be read again.
            _socket.Abort();
        }
    }
}
