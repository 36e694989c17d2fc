using System.IO.Pipelines;
using System.Threading.Tasks.Sources;

namespace Sockets;

/// <summary>
/// A pipe writer directly on a transport. A flush sends at once, on the caller's thread, and waits only for bytes that the transport has no
/// space for. The flush completes when the transport has all bytes, which a half-close depends on. Buffers are rented only while they
/// hold bytes.
/// </summary>
/// <remarks>
/// Back-pressure is exact: only the bytes since the last flush are buffered. The cancellation of a flush ends the wait but not the send,
/// because a block that was sent in part must be sent to its end. Once the transport is broken, flushes report completion and writes are
/// dropped: a peer's disconnect is no error of the writer. One thread writes at a time; any thread may cancel, complete or dispose.
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

    // A pending send uses the caller's memory: a flush cannot be cancelled then.
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
        var block = Reserve(sizeHint);
        return block.Bytes.AsMemory(block.End);
    }

    /// <inheritdoc/>
    public override Span<byte> GetSpan(int sizeHint = 0) => Reserve(sizeHint).Free;

    /// <inheritdoc/>
    public override void Advance(int bytes)
    {
        if (bytes < 0 || bytes > (_lastWritten?.FreeLength ?? 0))
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
            if (FlushResultOrNull() is { } result)
            {
                return new ValueTask<FlushResult>(result);
            }
        }

        return WaitAsync(cancellationToken);
    }

    /// <summary>
    /// Writes and flushes. The bytes are sent without a copy; only bytes that the kernel has no space for are copied, so that the caller
    /// may reuse its memory even after a cancelled wait.
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
                var block = Reserve(Math.Min(rest.Length, BlockPool.Large));
                var count = Math.Min(rest.Length, block.FreeLength);
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
            if (FlushResultOrNull() is { } result)
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

    /// <summary>
    /// Sends the written bytes in the background; <see cref="FinishAsync"/> waits for that. With an error they are dropped.
    /// </summary>
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

    /// <summary>Completes when the kernel has all written bytes, or the transport is broken.</summary>
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
    /// Sends all written bytes, and then the end of this direction; the transport stays readable. Never throws for a broken transport.
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

    /// <summary>Holds all written bytes back until <see cref="ReleaseAsync"/>.</summary>
    internal void Hold()
    {
        lock (_gate)
        {
            _isHeld = true;
        }
    }

    /// <summary>Flushes the bytes written since <see cref="Hold"/>.</summary>
    internal ValueTask<FlushResult> ReleaseAsync()
    {
        lock (_gate)
        {
            _isHeld = false;
        }

        return FlushAsync(CancellationToken.None);
    }

    /// <summary>Frees the objects of a send. The transport must have been closed before.</summary>
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
        // Outside the lock: Dispose waits for a running callback, which takes the lock.
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
            _registration = cancellationToken.UnsafeRegister(
                static (output, token) => ((TransportPipeWriter)output!).OnCancelled(token), this);
        }

        return new ValueTask<FlushResult>(this, _core.Version);
    }

    private void OnCancelled(CancellationToken token)
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
