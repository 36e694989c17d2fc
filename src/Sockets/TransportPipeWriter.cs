using System.IO.Pipelines;
using System.Threading.Tasks.Sources;

namespace Sockets;

/// <summary>
/// A pipe writer right on a transport. A flush sends at once, on the caller's thread, and waits only for what the transport had no room
/// for; it completes when the transport has all of it, which a half-close has to know. Buffers are held while bytes lie in them.
/// </summary>
/// <remarks>
/// Back-pressure is exact: nothing is buffered here beyond what was written since the last flush. Cancelling a flush stops the
/// wait, not the sending: a partly sent block cannot be taken back. Once the transport is broken, flushes say completed and what is
/// written goes nowhere, so that a peer's disconnect is no error of the writer's. One thread writes at a time; cancelling and the
/// other endings come from any.
/// </remarks>
public abstract partial class TransportPipeWriter : PipeWriter, IValueTaskSource<FlushResult>, IDisposable
{
    private readonly Lock _gate = new();
    private ManualResetValueTaskSourceCore<bool> _core;
    private CancellationTokenRegistration _registration;
    private TaskCompletionSource? _idle;
    private Block? _written;
    private Block? _lastWritten;
    private Block? _queue;
    private Block? _lastQueued;
    private long _unflushed;
    private bool _isSending;

    // Memory of the writer's own is being sent: a flush is not cancelled then.
    private bool _isBorrowed;
    private bool _isHeld;
    private bool _isWaiting;
    private bool _isCancelled;
    private bool _cancelNext;
    private bool _isCompleted;
    private bool _isClosed;
    private bool _isDisposed;

    private protected TransportPipeWriter()
    {
    }

    /// <inheritdoc/>
    public override bool CanGetUnflushedBytes => true;

    /// <inheritdoc/>
    public override long UnflushedBytes => _unflushed;

    /// <inheritdoc/>
    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        var block = Room(sizeHint);
        return block.Bytes.AsMemory(block.End);
    }

    /// <inheritdoc/>
    public override Span<byte> GetSpan(int sizeHint = 0) => Room(sizeHint).Free;

    /// <inheritdoc/>
    public override void Advance(int bytes)
    {
        if (bytes < 0 || bytes > (_lastWritten?.Room ?? 0))
        {
            throw new ArgumentOutOfRangeException(nameof(bytes));
        }

        _lastWritten?.Fill(bytes);
        _unflushed += bytes;
    }

    /// <inheritdoc/>
    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<FlushResult>(cancellationToken);
        }

        lock (_gate)
        {
            Queue();
            Pump();
            if (Result() is { } result)
            {
                return new ValueTask<FlushResult>(result);
            }
        }

        return WaitAsync(cancellationToken);
    }

    /// <summary>
    /// Writes and flushes. The bytes are sent from where they are; what the kernel has no room for is copied, so that the caller may use
    /// its memory again even when the wait was cancelled.
    /// </summary>
    /// <inheritdoc/>
    public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<FlushResult>(cancellationToken);
        }

        lock (_gate)
        {
            var rest = source.Span;
            if (_unflushed == 0 && _queue is null && !_isCompleted && !_isSending && !_isClosed && !_isHeld)
            {
                rest = rest[SendNow(source)..];
            }

            while (!rest.IsEmpty && !_isClosed && !_isCompleted)
            {
                var block = Room(Math.Min(rest.Length, BlockPool.Large));
                var count = Math.Min(rest.Length, block.Room);
                rest[..count].CopyTo(block.Free);
                Advance(count);
                rest = rest[count..];
            }

            if (_isHeld)
            {
                return new ValueTask<FlushResult>(new FlushResult(isCanceled: false, _isClosed));
            }

            Queue();
            Pump();
            if (Result() is { } result)
            {
                return new ValueTask<FlushResult>(result);
            }
        }

        return WaitAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public override void CancelPendingFlush()
    {
        lock (_gate)
        {
            if (!_isWaiting || _isBorrowed)
            {
                _cancelNext = true;
                return;
            }

            (_isWaiting, _isCancelled) = (false, true);
            _core.RunContinuationsAsynchronously = true;
        }

        _core.SetResult(true);
    }

    /// <summary>Sends what was written in the background; <see cref="FinishAsync"/> waits for it. With an error it is forgotten.</summary>
    /// <inheritdoc/>
    public override void Complete(Exception? exception = null)
    {
        lock (_gate)
        {
            if (_isCompleted)
            {
                return;
            }

            if (exception is null)
            {
                Queue();
                Pump();
            }

            _isCompleted = true;
            Release(ref _written, ref _lastWritten);
            _unflushed = 0;
        }
    }

    /// <summary>Completes when everything written is in the kernel, or cannot get there any more.</summary>
    public async Task FinishAsync()
    {
        Complete();
        await IdleAsync().ConfigureAwait(false);
        lock (_gate)
        {
            Close();
        }
    }

    /// <summary>
    /// Sends everything written, then the transport's end of this direction only; it stays readable. Never throws for a broken transport.
    /// </summary>
    public async ValueTask HalfCloseAsync()
    {
        lock (_gate)
        {
            if (!_isCompleted)
            {
                Queue();
                Pump();
            }
        }

        await IdleAsync().ConfigureAwait(false);
        lock (_gate)
        {
            if (_isClosed)
            {
                return;
            }

            Close();
        }

        await EndAsync().ConfigureAwait(false);
    }

    /// <summary>From now on what is written only gathers, until <see cref="ReleaseAsync"/>.</summary>
    internal void Hold()
    {
        lock (_gate)
        {
            _isHeld = true;
        }
    }

    /// <summary>Flushes what has gathered since <see cref="Hold"/>.</summary>
    internal ValueTask<FlushResult> ReleaseAsync()
    {
        lock (_gate)
        {
            _isHeld = false;
        }

        return FlushAsync(CancellationToken.None);
    }

    /// <summary>Frees what waits for the transport, which must have been closed before.</summary>
    public void Dispose()
    {
        GC.SuppressFinalize(this);
        lock (_gate)
        {
            _isDisposed = true;
            Close();
            if (!_isSending)
            {
                Free();
            }
        }
    }

    FlushResult IValueTaskSource<FlushResult>.GetResult(short token)
    {
        // Not under the lock: it waits for a call-back that is under way and wants the lock.
        _registration.Dispose();
        _registration = default;
        try
        {
            _core.GetResult(token);
        }
        finally
        {
            _core.Reset();
        }

        lock (_gate)
        {
            var isCancelled = _isCancelled;
            _isCancelled = false;
            return new FlushResult(isCancelled, _isClosed);
        }
    }

    ValueTaskSourceStatus IValueTaskSource<FlushResult>.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource<FlushResult>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    private ValueTask<FlushResult> WaitAsync(CancellationToken cancellationToken)
    {
        if (cancellationToken.CanBeCanceled)
        {
            _registration = cancellationToken.UnsafeRegister(static (output, token) => ((TransportPipeWriter)output!).Cancelled(token), this);
        }

        return new ValueTask<FlushResult>(this, _core.Version);
    }

    private void Cancelled(CancellationToken token)
    {
        lock (_gate)
        {
            if (!_isWaiting || _isBorrowed)
            {
                return;
            }

            _isWaiting = false;
            _core.RunContinuationsAsynchronously = true;
        }

        _core.SetException(new OperationCanceledException(token));
    }
}
