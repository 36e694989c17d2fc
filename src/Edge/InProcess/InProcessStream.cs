using System.Buffers;
using System.IO.Pipelines;
using System.Threading.Tasks.Sources;
using Relay.Sockets;

namespace Edge.InProcess;

/// <summary>
/// The client's side of an <see cref="InProcessConnection"/>. A client gives a request up by disposing of its connection, from any thread and
/// in the midst of reads and writes: all that touches the bytes is under a lock.
/// </summary>
internal sealed class InProcessStream : DuplexStream, IValueTaskSource<int>
{
    private readonly Lock _gate = new();
    private readonly PipeReader _answers;
    private readonly PipeWriter _requests;
    private readonly Action _closed;
    private ManualResetValueTaskSourceCore<int> _core = new() { RunContinuationsAsynchronously = true };
    private bool _isReading;
    private IOException? _end;

    /// <param name="answers">What the server writes; completed here.</param>
    /// <param name="requests">What the server reads; completed here.</param>
    /// <param name="closed">Called once, when this side ends the connection.</param>
    public InProcessStream(PipeReader answers, PipeWriter requests, Action closed)
    {
        (_answers, _requests, _closed) = (answers, requests, closed);
    }

    /// <summary>One read at a time. One into no room waits until there is something to read.</summary>
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        short version;
        lock (_gate)
        {
            if (_end is not null)
            {
                return ValueTask.FromException<int>(_end);
            }

            if (_answers.TryRead(out var read))
            {
                return new ValueTask<int>(Take(read, buffer));
            }

            _core.Reset();
            (version, _isReading) = (_core.Version, true);
        }

        _ = WaitAsync(buffer, cancellationToken);
        return new ValueTask<int>(this, version);
    }

    /// <summary>The server goes on with what it reads before this returns.</summary>
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            if (_end is not null)
            {
                throw _end;
            }

            _requests.Write(buffer.Span);
        }

        if ((await _requests.FlushAsync(cancellationToken)).IsCompleted)
        {
            throw new IOException("The server has ended the connection.");
        }
    }

    /// <summary>Ends the connection for both sides, once; never blocks.</summary>
    /// <param name="reason">What the server reads after the bytes so far; null for a plain end.</param>
    public void End(Exception? reason)
    {
        bool isReading;
        lock (_gate)
        {
            if (_end is not null)
            {
                return;
            }

            _end = new IOException("The connection has ended.", reason);
            isReading = _isReading;
        }

        // Elsewhere: the server goes on there, and whoever ends a connection may hold locks.
        ThreadPool.UnsafeQueueUserWorkItem(
            static end =>
            {
                end.Stream._requests.Complete(end.Reason);
                if (end.IsReading)
                {
                    end.Stream._answers.CancelPendingRead();
                }
                else
                {
                    end.Stream._answers.Complete();
                }
            },
            (Stream: this, Reason: reason, IsReading: isReading),
            preferLocal: false);
        _closed();
    }

    int IValueTaskSource<int>.GetResult(short token) => _core.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<int>.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource<int>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            End(null);
        }

        base.Dispose(disposing);
    }

    /// <summary>The rest of a read that has found nothing. What comes is taken on the server's thread, and goes on on another.</summary>
    private async Task WaitAsync(Memory<byte> room, CancellationToken cancellationToken)
    {
        var count = 0;
        Exception? error;
        try
        {
            var read = await _answers.ReadAsync(cancellationToken);
            lock (_gate)
            {
                error = _end;
                if (error is null)
                {
                    count = Take(read, room);
                }
            }
        }
        catch (Exception broken)
        {
            error = broken;
        }

        bool isOver;
        lock (_gate)
        {
            (_isReading, isOver) = (false, _end is not null);
        }

        if (isOver)
        {
            await _answers.CompleteAsync();
        }

        if (error is null)
        {
            _core.SetResult(count);
        }
        else
        {
            _core.SetException(error);
        }
    }

    /// <summary>Under the lock.</summary>
    private int Take(in ReadResult read, Memory<byte> room)
    {
        var count = (int)Math.Min(read.Buffer.Length, room.Length);
        var taken = read.Buffer.Slice(0, count);
        taken.CopyTo(room.Span);
        _answers.AdvanceTo(taken.End);
        return count;
    }
}
