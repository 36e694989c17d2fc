using Relay.Derp.Queues;
using Relay.Derp.Wire;

namespace Relay.Derp.Connections;

/// <summary>
/// The packets and control frames that wait to be sent on one connection, and the lock that guards them. There is no task and no buffer per
/// connection: each thread that adds something also drains the outbox (<see cref="Drain"/>), as far as the output accepts it, and the
/// output's callback drains the rest.
/// </summary>
internal abstract class DerpOutbox
{
    // Space for the longest frame; also the most bytes that are composed at once from the lanes of several senders.
    private const int ScratchLength = 66_048;

    [ThreadStatic]
    private static byte[]? _scratch;

    private readonly Lock _lock = new();
    private readonly IDerpOutput _output;
    private readonly SendQueue _queue;
    private readonly DerpTotals _totals;
    private ReadOnlyMemory<byte> _first;
    private Chunk? _rest;
    private SendTally _sent;
    private long _taken;
    private int _writableCount;
    private bool _isBlocked;
    private bool _isDraining;
    private bool _isMuted;
    private bool _isClosed;
    private DropReason _closeReason = DropReason.GoneDisconnected;

    protected DerpOutbox(IDerpOutput output, SendQueue queue, DerpTotals totals)
    {
        _output = output;
        _queue = queue;
        _totals = totals;
        output.OnWritable(OnWritable);
    }

    /// <summary>Packets and bytes sent so far.</summary>
    public (long Packets, long Bytes) Sent
    {
        get
        {
            lock (_lock)
            {
                return (_sent.Packets, _sent.Bytes);
            }
        }
    }

    /// <summary>Whether the output accepts no more bytes.</summary>
    public bool IsStuck => !_output.IsWritable;

    /// <summary>Bytes that the output has accepted so far. The number grows as long as the peer reads.</summary>
    public long Taken => Volatile.Read(ref _taken);

    /// <summary>The packets in the queue, the bytes of memory that it holds, and the number of packets that it has lost.</summary>
    public (int Packets, int Bytes, long Lost) Waiting
    {
        get
        {
            lock (_lock)
            {
                return (_queue.Count, _queue.Held, _queue.Lost);
            }
        }
    }

    /// <summary>Whether there is anything for <see cref="ComposeControl"/>.</summary>
    protected abstract bool HasControl { get; }

    protected DerpTotals Totals => _totals;

    /// <summary>Takes the lock until the scope is disposed.</summary>
    protected Lock.Scope EnterScope() => _lock.EnterScope();

    /// <summary>Takes the lock, for a sequence of packets.</summary>
    public void Enter() => _lock.Enter();

    /// <summary>Releases the lock.</summary>
    public void Exit() => _lock.Exit();

    /// <summary>Stops sending: waiting packets and all later ones are dropped and counted.</summary>
    public void Mute()
    {
        lock (_lock)
        {
            _isMuted = true;
            _queue.Clear(DropReason.GoneDisconnected);
        }
    }

    /// <summary>Adds a packet. The caller holds the lock, and calls <see cref="Drain"/> at the end of its batch.</summary>
    public void Enqueue(PacketKind kind, ulong sender, ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> packet)
    {
        if (_isClosed || _isMuted)
        {
            _totals.Dropped(_closeReason, kind, packet.Length);
            return;
        }

        _queue.Enqueue(kind, sender, prefix, packet);
    }

    /// <summary>Sends the waiting frames, as far as the output accepts them, and flushes the output.</summary>
    public void Drain()
    {
        lock (_lock)
        {
            if (_isDraining || _isBlocked || _isMuted || _isClosed)
            {
                return;
            }

            _isDraining = true;
            try
            {
                while (DrainOnce())
                {
                }

                _output.Flush();
            }
            finally
            {
                // Also after an exception: otherwise this connection would never send again.
                _isDraining = false;
            }
        }
    }

    /// <summary>Sets the bytes to send before everything else.</summary>
    public void SendFirst(ReadOnlyMemory<byte> frames)
    {
        lock (_lock)
        {
            _first = frames;
        }
    }

    /// <summary>Ends the outbox: waiting and later packets are dropped and counted.</summary>
    /// <param name="reason">The reason to count them under.</param>
    public void Close(DropReason reason)
    {
        lock (_lock)
        {
            if (_isClosed)
            {
                return;
            }

            (_isClosed, _closeReason) = (true, reason);
            _queue.Clear(reason);
            FreeRest();
            _output.Complete();
        }
    }

    /// <summary>Writes control frames, as many as fit. Called under the lock.</summary>
    /// <param name="destination">Space for many control frames.</param>
    /// <returns>The bytes written; 0 without control frames.</returns>
    protected abstract int ComposeControl(Span<byte> destination);

    // Makes one step. Returns false when nothing is left, or the output accepts no more.
    private bool DrainOnce()
    {
        var writableCount = _writableCount;
        if (!_output.IsWritable)
        {
            return !SetBlocked(writableCount);
        }

        if (_rest is not null)
        {
            _rest.Head += TrySend(_rest.Frames);
            if (_rest.Head < _rest.Tail)
            {
                return !SetBlocked(writableCount);
            }

            FreeRest();
            return true;
        }

        if (!_first.IsEmpty)
        {
            _first = _first[TrySend(_first.Span)..];
            return _first.IsEmpty || !SetBlocked(writableCount);
        }

        var scratch = _scratch ??= new byte[ScratchLength];
        if (HasControl)
        {
            return SendOrKeepRest(scratch.AsSpan(0, ComposeControl(scratch)), writableCount);
        }

        if (_queue.TryPeekRun(scratch, out var run))
        {
            var length = run.Length;
            var sent = TrySend(run);
            _queue.ConsumeRun(sent, ref _rest, ref _sent);
            return sent == length || !SetBlocked(writableCount);
        }

        if (_queue.IsEmpty)
        {
            return false;
        }

        return SendOrKeepRest(scratch.AsSpan(0, _queue.Compose(scratch, ref _sent)), writableCount);
    }

    private int TrySend(ReadOnlySpan<byte> bytes)
    {
        var sent = _output.TrySend(bytes);
        Volatile.Write(ref _taken, _taken + sent);
        return sent;
    }

    private bool SendOrKeepRest(ReadOnlySpan<byte> bytes, int writableCount)
    {
        var sent = TrySend(bytes);
        if (sent == bytes.Length)
        {
            return true;
        }

        _rest = _queue.KeepRest(bytes[sent..]);
        return !SetBlocked(writableCount);
    }

    // The output may call back within a call to it, on this thread: then it is not blocked any more.
    private bool SetBlocked(int writableCount) => _isBlocked = _writableCount == writableCount;

    private void OnWritable()
    {
        lock (_lock)
        {
            _writableCount++;
            _isBlocked = false;
            Drain();
        }
    }

    private void FreeRest()
    {
        if (_rest is not null)
        {
            _queue.Free(_rest);
            _rest = null;
        }
    }
}
