using Relay.Derp.Queues;
using Relay.Derp.Wire;

namespace Relay.Derp.Connections;

/// <summary>
/// What waits to go out on one connection, and the lock that guards it. There is no task and no buffer per connection: whoever adds
/// something empties it too (<see cref="Drain"/>), as far as the output takes it, and the output's call-back does the rest.
/// </summary>
internal abstract class DerpOutbox
{
    // Room for the longest frame; also the most that is composed from several senders' lanes in one go.
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
    private int _signals;
    private bool _isBlocked;
    private bool _isDraining;
    private bool _isMuted;
    private bool _isClosed;

    protected DerpOutbox(IDerpOutput output, SendQueue queue, DerpTotals totals)
    {
        _output = output;
        _queue = queue;
        _totals = totals;
        output.OnWritable(Writable);
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

    /// <summary>Whether the output takes nothing although it was given something.</summary>
    public bool IsStuck => !_output.IsWritable;

    /// <summary>Bytes that the output has taken so far: grows as long as the peer reads.</summary>
    public long Taken => Volatile.Read(ref _taken);

    /// <summary>What waits: packets, the bytes of memory that they take, and how many were lost so far.</summary>
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

    /// <summary>Takes the lock, for several packets in a row.</summary>
    public void Enter() => _lock.Enter();

    /// <summary>Gives the lock back.</summary>
    public void Exit() => _lock.Exit();

    /// <summary>From now on nothing is sent: what waits, and what comes, is lost and counted.</summary>
    public void Mute()
    {
        lock (_lock)
        {
            _isMuted = true;
            _queue.Clear(DropReason.GoneDisconnected);
        }
    }

    /// <summary>Adds a packet; the caller holds the lock, and calls <see cref="Drain"/> at the end of its batch.</summary>
    public void Enqueue(PacketKind kind, ulong sender, ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> packet)
    {
        if (_isClosed || _isMuted)
        {
            _totals.Dropped(DropReason.GoneDisconnected, kind, packet.Length);
            return;
        }

        _queue.Enqueue(kind, sender, prefix, packet);
    }

    /// <summary>Sends what waits, as far as the output takes it, and flushes.</summary>
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
                // Or nothing would ever be sent again, also where only this batch has failed.
                _isDraining = false;
            }
        }
    }

    /// <summary>Sends bytes before everything else.</summary>
    public void SendFirst(ReadOnlyMemory<byte> frames)
    {
        lock (_lock)
        {
            _first = frames;
        }
    }

    /// <summary>Ends the outbox: what waits is lost and counted.</summary>
    /// <param name="reason">What to count it as.</param>
    public void Close(DropReason reason)
    {
        lock (_lock)
        {
            if (_isClosed)
            {
                return;
            }

            _isClosed = true;
            _queue.Clear(reason);
            FreeRest();
            _output.Complete();
        }
    }

    /// <summary>Writes control frames, as many as fit; called under the lock.</summary>
    /// <param name="destination">Room for many.</param>
    /// <returns>The bytes written; 0 when there was nothing.</returns>
    protected abstract int ComposeControl(Span<byte> destination);

    // One step. False when there is nothing left, or the output takes no more.
    private bool DrainOnce()
    {
        var signals = _signals;
        if (!_output.IsWritable)
        {
            return !Blocked(signals);
        }

        if (_rest is not null)
        {
            _rest.Head += TrySend(_rest.Frames);
            if (_rest.Head < _rest.Tail)
            {
                return !Blocked(signals);
            }

            FreeRest();
            return true;
        }

        if (!_first.IsEmpty)
        {
            _first = _first[TrySend(_first.Span)..];
            return _first.IsEmpty || !Blocked(signals);
        }

        var scratch = _scratch ??= new byte[ScratchLength];
        if (HasControl)
        {
            return SendOrKeep(scratch.AsSpan(0, ComposeControl(scratch)), signals);
        }

        if (_queue.TryPeekRun(scratch, out var run))
        {
            var length = run.Length;
            var sent = TrySend(run);
            _queue.ConsumeRun(sent, ref _rest, ref _sent);
            return sent == length || !Blocked(signals);
        }

        if (_queue.IsEmpty)
        {
            return false;
        }

        return SendOrKeep(scratch.AsSpan(0, _queue.Compose(scratch, ref _sent)), signals);
    }

    private int TrySend(ReadOnlySpan<byte> bytes)
    {
        var sent = _output.TrySend(bytes);
        Volatile.Write(ref _taken, _taken + sent);
        return sent;
    }

    private bool SendOrKeep(ReadOnlySpan<byte> bytes, int signals)
    {
        var sent = TrySend(bytes);
        if (sent == bytes.Length)
        {
            return true;
        }

        _rest = _queue.Keep(bytes[sent..]);
        return !Blocked(signals);
    }

    // The call-back may have come while we were in a call to the output, on this very thread: then it is not blocked any more.
    private bool Blocked(int signals) => _isBlocked = _signals == signals;

    private void Writable()
    {
        lock (_lock)
        {
            _signals++;
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
