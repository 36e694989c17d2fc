using System.Buffers;
using System.IO.Pipelines;
using System.Threading.Tasks.Sources;

namespace Sockets;

/// <summary>
/// A pipe reader right on a transport: no pipe and no loop between them. It waits with zero bytes and rents a buffer when there is
/// something to put into it, so that a connection without traffic owns none; a read allocates nothing.
/// </summary>
/// <remarks>
/// 1. A read that finds nothing waits for the transport (it is <em>armed</em>). 2. When the transport has something, one receive takes it, and the
/// read goes on there and then: on a thread of requests or of the pool, or on the socket thread once it carries a stream. 3. Between reads nothing is
/// received, except while it <em>watches</em>: then it reads ahead, within a bound, so that the peer's end is noticed while nobody reads.
/// Cancelled reads never go on inline: whoever cancels may hold locks.
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
    private int _turn;
    private Reading _reading;
    private bool _isArmed;
    private bool _isWaiting;
    private bool _isCancelled;
    private bool _isEnded;
    private bool _isCompleted;
    private bool _isDisposed;
    private bool _isStream;
    private bool _watches;

    private protected TransportPipeReader(int readAhead, Action? ended) => (_readAhead, _watches, _ended) = (readAhead, readAhead > 0, ended);

    private enum Reading
    {
        None = 0,
        Under,

        // A cancelled read may be ended by AdvanceTo, and need not.
        Tentative,
    }

    /// <summary>Bytes of the buffers that are held now; for tests.</summary>
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

    /// <summary>Whether a receive may find something without waiting for it.</summary>
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
            Check();
            var found = HasResult || (!_isArmed && Fetch());
            hasTurn = !found || !_isStream || _turn < TurnBytes;
            if (found && hasTurn)
            {
                return _error is not null && !_isCancelled && _length <= _examined
                    ? ValueTask.FromException<ReadResult>(_error)
                    : new ValueTask<ReadResult>(TakeResult());
            }

            _core.RunContinuationsAsynchronously = false;
            _isWaiting = true;
            _turn = 0;
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
            _registration = cancellationToken.UnsafeRegister(static (input, token) => ((TransportPipeReader)input!).Cancelled(token), this);
        }

        return new ValueTask<ReadResult>(this, _core.Version);
    }

    /// <inheritdoc/>
    public override bool TryRead(out ReadResult result)
    {
        lock (_gate)
        {
            Check();
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
                throw new InvalidOperationException("There is no read to advance.");
            }

            var used = Distance(consumed);
            var seen = Distance(examined);
            if (used < 0 || seen < used || seen > _length)
            {
                throw new ArgumentOutOfRangeException(nameof(examined), "The positions are not within what was read, in this order.");
            }

            _reading = Reading.None;
            _examined = seen - used;
            Consume(used);
            if (_watches)
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
            (_isCompleted, _watches, _reading) = (true, false, Reading.None);
            Consume(_length);
        }
    }

    /// <summary>Frees what waits for the transport, which must have been closed before.</summary>
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

    /// <summary>Goes on after a turn of others.</summary>
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

        Finish();
    }

    ReadResult IValueTaskSource<ReadResult>.GetResult(short token)
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
            return TakeResult();
        }
    }

    ValueTaskSourceStatus IValueTaskSource<ReadResult>.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource<ReadResult>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    private void Check()
    {
        if (_isCompleted || _isWaiting || _reading == Reading.Under)
        {
            throw new InvalidOperationException(_isCompleted ? "The reader was completed." : "A read is under way already.");
        }
    }

    private ReadResult TakeResult()
    {
        var isCancelled = _isCancelled;
        _isCancelled = false;
        _reading = isCancelled ? Reading.Tentative : Reading.Under;
        var bytes = _head is null ? ReadOnlySequence<byte>.Empty : new ReadOnlySequence<byte>(_head, _head.Start, _tail!, _tail!.End);
        return new ReadResult(bytes, isCancelled, _isEnded && _error is null);
    }

    private void Cancelled(CancellationToken token)
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

    // Outside the lock: what waited goes on in here.
    private void Finish()
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
