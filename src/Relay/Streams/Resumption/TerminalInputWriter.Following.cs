using System.Buffers;
using System.IO.Pipelines;

namespace Relay.Streams.Resumption;

internal sealed partial class TerminalInputWriter
{
    /// <summary>Leaves the server. When this ends, nobody writes to it any more; a flush that it holds up has to be ended by aborting it.</summary>
    public Task LeaveAsync()
    {
        lock (_gate)
        {
            _server = null;
            if (!_isBusy)
            {
                return Task.CompletedTask;
            }

            _left ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _left.Task;
        }
    }

    /// <summary>Gives it another server, after <see cref="LeaveAsync"/>: it gets the last size, and then what is typed after this has ended.</summary>
    public async Task GiveAsync(StreamTransport next)
    {
        (int Height, int Width)? told = null;
        while (true)
        {
            lock (_gate)
            {
                if (_isOver)
                {
                    return;
                }

                if (_frames.LastSize == told)
                {
                    _frames.BeginServer();
                    _server = next;
                    return;
                }

                told = _frames.LastSize;
            }

            // Nobody else writes to it yet. Should the size change meanwhile, it is told that one too.
            if (told is not { } size || !await TellAsync(next.Output, size).ConfigureAwait(false))
            {
                return;
            }
        }
    }

    /// <summary>The client's bytes are at their end: so are the server's, if there is one.</summary>
    public async ValueTask EndAsync()
    {
        StreamTransport? server;
        lock (_gate)
        {
            ClientLeaves();
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
            // The server's output tells of it too, and what follows is decided there.
            return;
        }
        finally
        {
            TaskCompletionSource? left;
            lock (_gate)
            {
                _isOver = true;
                left = Free();
            }

            left?.TrySetResult();
        }
    }

    private static async ValueTask<bool> TellAsync(PipeWriter output, (int Height, int Width) size)
    {
        try
        {
            TerminalInputFrames.WriteSize(output, size);
            return await output.FlushAsync().ConfigureAwait(false) is { IsCompleted: false, IsCanceled: false };
        }
        catch (Exception error) when (TransportFailure.Is(error))
        {
            // Lost already; its output tells of it too.
            return false;
        }
    }

    /// <summary>Under the lock: follows the next bytes, and says which of them are to go on as they are; what goes before them is written.</summary>
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
            Keep(bytes[(at + run.End)..], run.IsRight);
        }

        if (output is null && _frames.TakePing() is { } ping)
        {
            _pings.Writer.TryWrite(ping);
        }

        if (_isOver || _frames.CloseSeen)
        {
            ClientLeaves();
        }

        return (at + run.Start)..(at + run.End);
    }

    /// <summary>Goes on with the header or control frame that was cut before, and says how many of the bytes were taken.</summary>
    private int FollowCut(ReadOnlySpan<byte> bytes, PipeWriter? output)
    {
        var (cut, before) = (_cut!, _cutLength);
        var count = Math.Min(bytes.Length, cut.Length - before);
        bytes[..count].CopyTo(cut.AsSpan(before));
        ReadOnlySpan<byte> all = cut.AsSpan(0, before + count);
        var run = _frames.Take(all, output);
        if (run.End == 0)
        {
            // Still cut, so that all bytes were needed for it; or no frame.
            Keep(all, run.IsRight);
            return count;
        }

        output?.Write(all[run.Start..run.End]);
        _cutLength = 0;
        return run.End - before;
    }

    private void Keep(ReadOnlySpan<byte> rest, bool isRight)
    {
        if (!isRight)
        {
            // No frames. Who writes is told, and ends the stream.
            Stop();
        }
        else if (!rest.IsEmpty)
        {
            _cut ??= new byte[TerminalInputFrames.MaxLeft];
            rest.CopyTo(_cut);
            _cutLength = rest.Length;
        }
    }

    // Before the server hears of it: what it answers by going away is no outage.
    private void ClientLeaves()
    {
        if (!_hasLeft)
        {
            _hasLeft = true;
            _ = leaves.CancelAsync();
        }
    }
}
