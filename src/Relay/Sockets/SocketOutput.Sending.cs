using System.IO.Pipelines;
using System.Net.Sockets;

namespace Relay.Sockets;

public sealed partial class SocketOutput
{
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

    /// <summary>Under the lock: sends as much as the kernel takes, and lets it call back for the rest.</summary>
    private void Pump()
    {
        while (!_isSending && !_isClosed && _queue is { } block)
        {
            block.Start += SendNow(block.Span);
            if (block.Length == 0)
            {
                Dequeue();
            }
            else if (!_isClosed)
            {
                SendLater(block);
            }
        }
    }

    /// <summary>How many bytes the kernel took; a broken socket closes the output.</summary>
    private int SendNow(ReadOnlySpan<byte> bytes)
    {
        var sent = 0;
        while (sent < bytes.Length && !_isClosed)
        {
            try
            {
                var count = _socket.Send(bytes[sent..], SocketFlags.None, out var error);
                if (error == SocketError.Success)
                {
                    sent += count;
                    continue;
                }

                if (error != SocketError.WouldBlock)
                {
                    Break(new SocketException((int)error));
                }

                break;
            }
            catch (ObjectDisposedException error)
            {
                Break(error);
            }
        }

        return sent;
    }

    private void SendLater(Block block)
    {
        _departure ??= new Departure(this);
        _departure.SetBuffer(block.Bytes, block.Start, block.Length);
        try
        {
            _isSending = _socket.SendAsync(_departure);
        }
        catch (Exception error) when (error is ObjectDisposedException or InvalidOperationException)
        {
            Break(error);
            return;
        }

        if (!_isSending)
        {
            Judge();
        }
    }

    // After an asynchronous send: all of the block is in the kernel, or the socket is broken.
    private void Judge()
    {
        if (_departure!.SocketError != SocketError.Success)
        {
            Break(new SocketException((int)_departure.SocketError));
        }

        Dequeue();
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
        if (_cancelNext)
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

    private void Departed()
    {
        TaskCompletionSource? idle;
        bool isWaiting;
        lock (_gate)
        {
            _isSending = false;
            Judge();
            if (_isDisposed)
            {
                _departure!.Dispose();
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

    private void Break(Exception error)
    {
        if (_isClosed)
        {
            return;
        }

        Close();
        ThreadPool.UnsafeQueueUserWorkItem(static state => state._broken(state.error), (_broken, error), preferLocal: false);
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

    /// <summary>A send that waits for room in the kernel.</summary>
    private sealed class Departure(SocketOutput output) : SocketAsyncEventArgs(true)
    {
        protected override void OnCompleted(SocketAsyncEventArgs e) => output.Departed();
    }
}
