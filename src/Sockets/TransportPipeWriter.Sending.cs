using System.IO.Pipelines;

namespace Sockets;

public abstract partial class TransportPipeWriter
{
    /// <summary>Whether the transport is broken, or its end was sent: nothing is sent any more.</summary>
    internal bool IsClosed => Volatile.Read(ref _isClosed);

    /// <summary>
    /// Under the lock: sends from the caller's memory what the transport takes at once. What it only begins to take it calls
    /// <see cref="Borrow"/> for, and counts as taken.
    /// </summary>
    private protected abstract int SendNow(ReadOnlyMemory<byte> bytes);

    /// <summary>Under the lock: sends a block. False when it is on its way; then <see cref="OnSent"/> is to be called.</summary>
    private protected abstract bool Send(Block block);

    /// <summary>Under the lock: how what was on its way has ended; all of it is sent, or the transport is broken.</summary>
    private protected abstract void EndSend();

    /// <summary>Ends this direction of the transport.</summary>
    private protected abstract ValueTask EndAsync();

    /// <summary>Who is to learn of a broken transport; once, on the thread pool.</summary>
    private protected abstract void ReportBroken(Exception error);

    /// <summary>Frees what waits.</summary>
    private protected abstract void Free();

    /// <summary>The caller's memory is on its way: whoever waits for it waits to the end.</summary>
    private protected void Borrow() => (_isSending, _isBorrowed) = (true, true);

    /// <summary>Room in the last written block, or in a new one behind it.</summary>
    private Block Room(int sizeHint)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(sizeHint);
        if (_isCompleted)
        {
            throw new InvalidOperationException("The writer was completed.");
        }

        var least = Math.Max(sizeHint, 1);
        if (_lastWritten is not { } last)
        {
            return _written = _lastWritten = BlockPool.Rent(least);
        }

        if (last.Room >= least)
        {
            return last;
        }

        var next = BlockPool.Rent(Math.Max(least, BlockPool.Large));
        if (ReferenceEquals(_written, last) && last.Length <= BlockPool.Small && next.Room >= last.Length + least)
        {
            // The beginning moves along, so that all of it leaves in one send.
            last.Span.CopyTo(next.Free);
            next.Fill(last.Length);
            BlockPool.Return(last);
            return _written = _lastWritten = next;
        }

        next.Follow(last);
        return _lastWritten = next;
    }

    /// <summary>Under the lock: what was written is to be sent.</summary>
    private void Queue()
    {
        if (_unflushed == 0)
        {
            return;
        }

        if (_queue is null)
        {
            _queue = _written;
        }
        else
        {
            _lastQueued!.After = _written;
        }

        _lastQueued = _lastWritten;
        _written = _lastWritten = null;
        _unflushed = 0;
        if (_isClosed)
        {
            Release(ref _queue, ref _lastQueued);
        }
    }

    /// <summary>Under the lock: sends as much as the transport takes, and lets it call back for the rest.</summary>
    private void Pump()
    {
        while (!_isSending && !_isClosed && _queue is { } block)
        {
            // Before: it may have ended on another thread when it returns, and then waits for the lock.
            _isSending = true;
            if (Send(block))
            {
                _isSending = false;
                Dequeue();
            }
        }

        if (_isClosed && !_isSending)
        {
            Release(ref _queue, ref _lastQueued);
        }
    }

    private void Dequeue()
    {
        if (_queue is { } block)
        {
            _queue = block.After;
            _lastQueued = _queue is null ? null : _lastQueued;
            BlockPool.Return(block);
        }
    }

    /// <summary>Under the lock: what a flush says now, or null when it has to wait.</summary>
    private FlushResult? Result()
    {
        if (_cancelNext && !_isBorrowed)
        {
            _cancelNext = false;
            return new FlushResult(isCanceled: true, _isClosed);
        }

        if (!_isSending || _isClosed)
        {
            return new FlushResult(isCanceled: false, _isClosed);
        }

        _core.RunContinuationsAsynchronously = false;
        _isWaiting = true;
        return null;
    }

    private protected void OnSent()
    {
        TaskCompletionSource? idle;
        bool isWaiting;
        lock (_gate)
        {
            _isSending = false;
            EndSend();
            if (!_isBorrowed)
            {
                Dequeue();
            }

            _isBorrowed = false;
            if (_isDisposed)
            {
                Free();
            }

            Pump();
            if (_isSending && !_isClosed)
            {
                return;
            }

            if (_isClosed)
            {
                Release(ref _queue, ref _lastQueued);
            }

            (idle, _idle) = (_idle, null);
            isWaiting = _isWaiting;
            _isWaiting = false;
        }

        idle?.TrySetResult();
        if (isWaiting)
        {
            _core.SetResult(true);
        }
    }

    /// <summary>Completes when nothing is on its way to the kernel any more.</summary>
    private Task IdleAsync()
    {
        lock (_gate)
        {
            return !_isSending || _isClosed
                ? Task.CompletedTask
                : (_idle ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }
    }

    private protected void Break(Exception error)
    {
        if (_isClosed)
        {
            return;
        }

        Close();
        ThreadPool.UnsafeQueueUserWorkItem(static state => state.self.ReportBroken(state.error), (self: this, error), preferLocal: false);
    }

    /// <summary>From now on what is written is dropped and flushes say completed. The block that is being sent stays until that has ended.</summary>
    private void Close()
    {
        _isClosed = true;
        if (!_isSending)
        {
            Release(ref _queue, ref _lastQueued);
        }
    }

    private static void Release(ref Block? first, ref Block? last)
    {
        while (first is { } block)
        {
            first = block.After;
            BlockPool.Return(block);
        }

        last = null;
    }
}
