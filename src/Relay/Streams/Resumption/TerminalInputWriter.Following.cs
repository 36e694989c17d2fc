using System.Buffers;
using System.IO.Pipelines;

namespace Relay.Streams.Resumption;

internal sealed partial class TerminalInputWriter
{
    /// <summary>
    /// Stops writing to the server. After completion nothing writes to it any more. A blocked flush ends only when the caller aborts the
    /// server.
    /// </summary>
    public Task DetachAsync()
    {
        lock (_gate)
        {
            _server = null;
            if (!_isBusy)
            {
                return Task.CompletedTask;
            }

            _detached ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _detached.Task;
        }
    }

    /// <summary>
    /// Begins to write to another server, after <see cref="DetachAsync"/>. The server gets the last size, and then the input that follows
    /// the completion of this call.
    /// </summary>
    public async Task AttachAsync(StreamTransport next)
    {
        (int Height, int Width)? sent = null;
        while (true)
        {
            lock (_gate)
            {
                if (_isOver)
                {
                    return;
                }

                if (_frames.LastSize == sent)
                {
                    _frames.BeginServer();
                    _server = next;
                    return;
                }

                sent = _frames.LastSize;
            }

            // No other code writes to this server yet. If the size changes meanwhile, the loop sends the new one too.
            if (sent is not { } size || !await SendSizeAsync(next.Output, size).ConfigureAwait(false))
            {
                return;
            }
        }
    }

    /// <summary>Ends the server's bytes, if there is a server, because the client's bytes have ended.</summary>
    public async ValueTask EndAsync()
    {
        StreamTransport? server;
        lock (_gate)
        {
            OnClientEnded();
            (server, _server) = (_server, null);
            _isBusy = server is not null;
        }

        try
        {
            if (server is not null)
            {
                await server.CompleteOutputAsync().ConfigureAwait(false);
            }
        }
        catch (Exception error) when (TransportFailure.Is(error))
        {
            // The reader of the server's output notices the failure too, and handles it.
            return;
        }
        finally
        {
            TaskCompletionSource? detached;
            lock (_gate)
            {
                _isOver = true;
                detached = EndFlush();
            }

            detached?.TrySetResult();
        }
    }

    private static async ValueTask<bool> SendSizeAsync(PipeWriter output, (int Height, int Width) size)
    {
        try
        {
            TerminalInputFrames.WriteSize(output, size);
            return await output.FlushAsync().ConfigureAwait(false) is { IsCompleted: false, IsCanceled: false };
        }
        catch (Exception error) when (TransportFailure.Is(error))
        {
            // The server is lost already; the reader of its output notices this too.
            return false;
        }
    }

    /// <summary>
    /// Follows the next bytes and returns the range of them that is forwarded unchanged; bytes before this range are written here. Called
    /// under the lock.
    /// </summary>
    private Range Follow(ReadOnlySpan<byte> bytes)
    {
        if (_isOver)
        {
            return default;
        }

        var output = _server?.Output;
        var at = _cutLength == 0 ? 0 : FollowCut(bytes, output);
        var run = _isOver ? default : _frames.Take(bytes[at..], output);
        if (!_isOver)
        {
            BufferCut(bytes[(at + run.End)..], run.IsValid);
        }

        if (output is null && _frames.TakePing() is { } ping)
        {
            _pings.Writer.TryWrite(ping);
        }

        if (_isOver || _frames.CloseSeen)
        {
            OnClientEnded();
        }

        return (at + run.Start)..(at + run.End);
    }

    /// <summary>Completes the header or control frame that was cut before, and returns how many of the bytes were used.</summary>
    private int FollowCut(ReadOnlySpan<byte> bytes, PipeWriter? output)
    {
        var (cut, before) = (_cut!, _cutLength);
        var count = Math.Min(bytes.Length, cut.Length - before);
        bytes[..count].CopyTo(cut.AsSpan(before));
        ReadOnlySpan<byte> all = cut.AsSpan(0, before + count);
        var run = _frames.Take(all, output);
        if (run.End == 0)
        {
            // The frame is still cut, and all bytes belong to it; or it is no frame.
            BufferCut(all, run.IsValid);
            return count;
        }

        output?.Write(all[run.Start..run.End]);
        _cutLength = 0;
        return run.End - before;
    }

    private void BufferCut(ReadOnlySpan<byte> rest, bool isValid)
    {
        if (!isValid)
        {
            // The bytes are no frames. The flush result reports completion, and the relay ends the stream.
            Stop();
        }
        else if (!rest.IsEmpty)
        {
            _cut ??= new byte[TerminalInputFrames.MaxCutSize];
            rest.CopyTo(_cut);
            _cutLength = rest.Length;
        }
    }

    // Set before the server gets the client's close: a server that then ends its bytes has no outage.
    private void OnClientEnded()
    {
        if (!_isClientEnded)
        {
            _isClientEnded = true;
            _ = clientEnded.CancelAsync();
        }
    }
}
