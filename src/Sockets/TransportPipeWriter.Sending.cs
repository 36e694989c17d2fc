using System.IO.Pipelines;

namespace Sockets;

public abstract partial class TransportPipeWriter
{
    /// <summary>Whether the transport is broken or its end was sent: no more bytes are sent.</summary>
    internal bool IsClosed => Volatile.Read(ref _isClosed);

    /// <summary>
    /// Sends from the caller's memory as much as the transport accepts at once, and returns the number of bytes. If the transport has only
    /// begun to send, it calls <see cref="Borrow"/> and counts these bytes as sent. Called under the lock.
    /// </summary>
    private protected abstract int SendNow(ReadOnlyMemory<byte> bytes);

    /// <summary>Sends a block. Returns false while the send is pending; <see cref="OnSent"/> follows then. Called under the lock.</summary>
    private protected abstract bool Send(Block block);

    /// <summary>Handles the result of a pending send: all of it is sent, or the transport is broken. Called under the lock.</summary>
    private protected abstract void EndSend();

    /// <summary>Ends this direction of the transport.</summary>
    private protected abstract ValueTask EndAsync();

    /// <summary>Reports a broken transport. Called once, on the thread pool.</summary>
    private protected abstract void ReportBroken(Exception error);

    /// <summary>Frees the objects of a send.</summary>
    private protected abstract void Free();

    /// <summary>Records that a pending send uses the caller's memory: the flush cannot be cancelled until that send has ended.</summary>
    private protected void Borrow() => (_isSending, _isBorrowed) = (true, true);

    /// <summary>Returns a block with enough free space: the last written one, or a new one behind it.</summary>
    private Block Reserve(int sizeHint)
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

        if (last.FreeLength >= least)
        {
            return last;
        }

        var next = BlockPool.Rent(Math.Max(least, BlockPool.Large));
        if (ReferenceEquals(_written, last) && last.Length <= BlockPool.Small && next.FreeLength >= last.Length + least)
        {
            // The short first block is copied into the next one, so that both are sent in one send.
            last.Span.CopyTo(next.Free);
            next.Fill(last.Length);
            BlockPool.Return(last);
            return _written = _lastWritten = next;
        }

        next.AppendTo(last);
        return _lastWritten = next;
    }

    /// <summary>Moves the written blocks to the send queue. Called under the lock.</summary>
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

    /// <summary>Sends as much as the transport accepts; its callback continues with the rest. Called under the lock.</summary>
    private void Pump()
    {
        while (!_isSending && !_isClosed && _queue is { } block)
        {
            // Set first: the send may complete on another thread before Send returns; that thread then waits for the lock.
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

    /// <summary>Returns the result of a flush, or null when the flush has to wait. Called under the lock.</summary>
    private FlushResult? FlushResultOrNull()
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

    /// <summary>Completes when no send is pending.</summary>
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

    /// <summary>Drops all later writes; flushes report completion. A block of a pending send is released after that send.</summary>
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
