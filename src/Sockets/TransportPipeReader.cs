using System.Buffers;
using System.IO.Pipelines;
using System.Threading.Tasks.Sources;

namespace Sockets;

/// <summary>
/// A pipe reader directly on a transport, without a pipe and a loop in between. It waits by zero-byte reads and rents a buffer only when
/// bytes have arrived, so an idle connection has no buffer. A read allocates nothing.
/// </summary>
/// <remarks>
/// 1. A read without bytes waits for the transport (it is <em>armed</em>). 2. When the transport is ready, one receive gets the bytes, and
/// the read completes on the same thread: a request thread or a thread of the pool, or the socket thread for a stream. 3. Between reads
/// nothing is received, except while the reader <em>watches</em>: then it reads ahead up to a limit, so that the peer's end is noticed
/// without a read. A cancelled read never completes inline, because the canceller may hold locks.
/// </remarks>
public abstract partial class TransportPipeReader : PipeReader, IValueTaskSource<ReadResult>, IThreadPoolWorkItem, IDisposable
{
    private readonly Lock _gate = new();
    private readonly int _readAhead;
    private ManualResetValueTaskSourceCore<bool> _core;
    private CancellationTokenRegistration _registration;
    private Action? _ended;
    private Block? _head;
    private Block? _tail;
    private Exception? _error;
    private long _length;
    private long _examined;
    private int _turnBytes;
    private Reading _reading;
    private bool _isArmed;
    private bool _isWaiting;
    private bool _isCancelled;
    private bool _isEnded;
    private bool _isCompleted;
    private bool _isDisposed;
    private bool _isStream;
    private bool _isWatching;

    private protected TransportPipeReader(int readAhead, Action? ended) =>
        (_readAhead, _isWatching, _ended) = (readAhead, readAhead > 0, ended);

    private enum Reading
    {
        None = 0,
        InProgress,

        // After a cancelled read a call of AdvanceTo is allowed, but not required.
        Cancelled,
    }

    /// <summary>The size of the rented buffers in bytes; for tests.</summary>
    internal int Held
    {
        get
        {
            var held = 0;
            lock (_gate)
            {
                for (var block = _head; block is not null; block = block.After)
                {
                    held += block.Bytes.Length;
                }
            }

            return held;
        }
    }

    private bool HasResult => _length > _examined || _isEnded || _isCancelled;

    /// <summary>Whether a receive may find bytes without a wait.</summary>
    private protected bool MayHaveMore { get; set; }

    private protected Lock Gate => _gate;

    /// <inheritdoc/>
    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<ReadResult>(cancellationToken);
        }

        bool hasTurn;
        lock (_gate)
        {
            ThrowIfNotReadable();
            var found = HasResult || (!_isArmed && Fetch());
            hasTurn = !found || !_isStream || _turnBytes < TurnBytes;
            if (found && hasTurn)
            {
                return _error is not null && !_isCancelled && _length <= _examined
                    ? ValueTask.FromException<ReadResult>(_error)
                    : new ValueTask<ReadResult>(TakeResult());
            }

            _core.RunContinuationsAsynchronously = false;
            _isWaiting = true;
            _turnBytes = 0;
            if (hasTurn)
            {
                Shrink();
            }
        }

        if (!hasTurn)
        {
            TurnQueue.Enqueue(this);
        }

        if (cancellationToken.CanBeCanceled)
        {
            _registration = cancellationToken.UnsafeRegister(
                static (input, token) => ((TransportPipeReader)input!).OnCancelled(token), this);
        }

        return new ValueTask<ReadResult>(this, _core.Version);
    }

    /// <inheritdoc/>
    public override bool TryRead(out ReadResult result)
    {
        lock (_gate)
        {
            ThrowIfNotReadable();
            if (!HasResult && !_isArmed && MayHaveMore)
            {
                Receive();
            }

            if (!HasResult)
            {
                result = default;
                return false;
            }

            if (_error is not null && !_isCancelled && _length <= _examined)
            {
                throw _error;
            }

            result = TakeResult();
            return true;
        }
    }

    /// <inheritdoc/>
    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    /// <inheritdoc/>
    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        lock (_gate)
        {
            if (_isCompleted || _reading == Reading.None)
            {
                throw new InvalidOperationException("AdvanceTo needs a read before it.");
            }

            var consumedLength = Distance(consumed);
            var examinedLength = Distance(examined);
            if (consumedLength < 0 || examinedLength < consumedLength || examinedLength > _length)
            {
                throw new ArgumentOutOfRangeException(
                    nameof(examined), "The consumed and the examined position must be within the read bytes, in this order.");
            }

            _reading = Reading.None;
            _examined = examinedLength - consumedLength;
            Consume(consumedLength);
            if (_isWatching)
            {
                ReadAhead();
            }
        }
    }

    /// <inheritdoc/>
    public override void CancelPendingRead()
    {
        lock (_gate)
        {
            _isCancelled = true;
            if (!_isWaiting)
            {
                return;
            }

            _isWaiting = false;
            _core.RunContinuationsAsynchronously = true;
        }

        _core.SetResult(true);
    }

    /// <inheritdoc/>
    public override void Complete(Exception? exception = null)
    {
        lock (_gate)
        {
            (_isCompleted, _isWatching, _reading) = (true, false, Reading.None);
            Consume(_length);
        }
    }

    /// <summary>Frees the objects of the wait. The transport must have been closed before.</summary>
    public void Dispose()
    {
        GC.SuppressFinalize(this);
        lock (_gate)
        {
            _isDisposed = true;
            if (!_isArmed)
            {
                Free();
            }
        }
    }

    /// <summary>Completes the read when the stream's next turn comes.</summary>
    void IThreadPoolWorkItem.Execute()
    {
        lock (_gate)
        {
            if (!_isWaiting || !HasResult)
            {
                return;
            }

            _isWaiting = false;
        }

        CompleteRead();
    }

    ReadResult IValueTaskSource<ReadResult>.GetResult(short token)
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
            return TakeResult();
        }
    }

    ValueTaskSourceStatus IValueTaskSource<ReadResult>.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource<ReadResult>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    private void ThrowIfNotReadable()
    {
        if (_isCompleted || _isWaiting || _reading == Reading.InProgress)
        {
            throw new InvalidOperationException(_isCompleted ? "The reader was completed." : "Another read is in progress.");
        }
    }

    private ReadResult TakeResult()
    {
        var isCancelled = _isCancelled;
        _isCancelled = false;
        _reading = isCancelled ? Reading.Cancelled : Reading.InProgress;
        var bytes = _head is null ? ReadOnlySequence<byte>.Empty : new ReadOnlySequence<byte>(_head, _head.Start, _tail!, _tail!.End);
        return new ReadResult(bytes, isCancelled, _isEnded && _error is null);
    }

    private void OnCancelled(CancellationToken token)
    {
        lock (_gate)
        {
            if (!_isWaiting)
            {
                return;
            }

            _isWaiting = false;
            _core.RunContinuationsAsynchronously = true;
        }

        _core.SetException(new OperationCanceledException(token));
    }

    // Outside the lock: the continuation of the read runs within this call.
    private void CompleteRead()
    {
        if (_error is not null && !_isCancelled && _length <= _examined)
        {
            _core.SetException(_error);
        }
        else
        {
            _core.SetResult(true);
        }
    }
}
