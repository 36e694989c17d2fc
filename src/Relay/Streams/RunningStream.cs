namespace Relay.Streams;

/// <summary>The state of a stream in a drain.</summary>
internal enum StreamPhase
{
    /// <summary>The drain has not begun to close the stream.</summary>
    Running = 0,

    /// <summary>The relay writes close frames and waits for those of the peers, up to the grace period.</summary>
    Closing,

    /// <summary>
    /// The grace period is over and both close frames are delivered: outputs are completed without waiting for the peers.
    /// </summary>
    Finishing,
}

/// <summary>A stream that is being relayed: its two directions and their shared state.</summary>
internal sealed class RunningStream
{
    private const int NoReason = -1;
    private const int NoSide = -1;
    private const int BothSides = 3;

    private readonly StreamTransport _client;
    private readonly StreamTransport _backend;
    private readonly StreamDirection _toBackend;
    private readonly StreamDirection _toClient;
    private readonly Func<TimeSpan> _now;
    private readonly StreamRelayOptions _options;
    private readonly Lock _gate = new();
    private bool _over;
    private int _phase;
    private int _failure = NoReason;
    private int _endedFirst = NoSide;
    private int _closeFrames;
    private long _closeAt = long.MaxValue;
    private long _deadline = long.MaxValue;
    private TimeSpan _nextLivenessCheck;

    public RunningStream(
        StreamTransport client,
        StreamTransport backend,
        StreamInfo info,
        StreamRelayOptions options,
        byte[] drainReason,
        Func<TimeSpan> now)
    {
        _client = client;
        _backend = backend;
        Info = info;
        _options = options;
        DrainReason = drainReason;
        _now = now;
        _nextLivenessCheck = now() + options.LivenessPeriod;
        _toBackend = new StreamDirection(this, StreamSide.Client, client, backend);
        _toClient = new StreamDirection(this, StreamSide.Backend, backend, client);
    }

    public StreamInfo Info { get; }

    public byte[] DrainReason { get; }

    public int MaxBatch => _options.MaxBatchBytes;

    public StreamPhase Phase => (StreamPhase)Volatile.Read(ref _phase);

    /// <summary>Whether the stream was reset; its directions then stop at once.</summary>
    public bool Failed => Volatile.Read(ref _failure) != NoReason;

    public long BytesToBackend => _toBackend.Bytes;

    public long BytesToClient => _toClient.Bytes;

    public async Task<StreamReport> RunAsync()
    {
        var start = _now();

        try
        {
            // Never inline: the thread that has just failed the stream still holds the gate and still uses the transports.
            await Task.WhenAll(_toBackend.RunAsync(), _toClient.RunAsync()).ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        }
        finally
        {
            lock (_gate)
            {
                _over = true;
            }
        }

        return new StreamReport(
            Reason(), BytesToBackend, BytesToClient, _now() - start, _toBackend.CloseCode, _toClient.CloseCode);
    }

    /// <summary>Resets the stream in both directions; the first reason counts.</summary>
    public void Fail(StreamCloseReason reason)
    {
        if (Interlocked.CompareExchange(ref _failure, (int)reason, NoReason) != NoReason)
        {
            return;
        }

        WhileTransportsLive(static stream =>
        {
            stream._client.Abort();
            stream._backend.Abort();
            stream._toBackend.Unblock();
            stream._toClient.Unblock();
        });
    }

    /// <summary>
    /// Fails the stream because one end's connection broke. After both close frames, or the drain's, this counts as an orderly end.
    /// </summary>
    public void ConnectionBroke(StreamSide side)
    {
        var towardsSide = side == StreamSide.Client ? _toClient : _toBackend;
        var reason = Volatile.Read(ref _closeFrames) == BothSides ? OrderlyEndReason()
            : Phase != StreamPhase.Running && towardsSide.Delivered ? StreamCloseReason.Drained
            : side == StreamSide.Client ? StreamCloseReason.ClientAborted
            : StreamCloseReason.BackendAborted;
        Fail(reason);
    }

    public void NoteEnd(StreamSide side) => Interlocked.CompareExchange(ref _endedFirst, (int)side, NoSide);

    public void NoteCloseFrame(StreamSide side)
    {
        NoteEnd(side);
        if ((Interlocked.Or(ref _closeFrames, 1 << (int)side) | (1 << (int)side)) == BothSides && Phase == StreamPhase.Running)
        {
            Interlocked.CompareExchange(ref _deadline, (_now() + _options.CloseLinger).Ticks, long.MaxValue);
        }
    }

    /// <summary>Sets the time at which the heartbeat closes this stream for a drain.</summary>
    public void ScheduleClose(TimeSpan at) => Volatile.Write(ref _closeAt, at.Ticks);

    /// <summary>Begins an orderly close.</summary>
    public void Close()
    {
        if (Phase != StreamPhase.Running)
        {
            return;
        }

        // Before the phase changes: otherwise the heartbeat could take the linger deadline for the grace deadline.
        Volatile.Write(ref _deadline, (_now() + _options.CloseGrace).Ticks);
        if (Interlocked.CompareExchange(ref _phase, (int)StreamPhase.Closing, (int)StreamPhase.Running) == (int)StreamPhase.Running)
        {
            Wake();
        }
    }

    /// <summary>Checks liveness, the scheduled close and the deadline. The relay's timer calls this for each stream.</summary>
    public void Beat(TimeSpan now)
    {
        if (now >= _nextLivenessCheck)
        {
            _nextLivenessCheck = now + _options.LivenessPeriod;
            FailIfVanished(now);
            FailIfStalled(now);
        }

        if (Failed)
        {
            return;
        }

        if (_toBackend.SourceBrokeDuringFlush())
        {
            ConnectionBroke(StreamSide.Client);
        }
        else if (_toClient.SourceBrokeDuringFlush())
        {
            ConnectionBroke(StreamSide.Backend);
        }
        else if (Phase == StreamPhase.Running && now.Ticks >= Volatile.Read(ref _closeAt))
        {
            Close();
        }
        else if (now.Ticks >= Volatile.Read(ref _deadline))
        {
            OnDeadline(now);
        }
    }

    private void FailIfVanished(TimeSpan now)
    {
        if (_client.HasVanished(now))
        {
            ConnectionBroke(StreamSide.Client);
        }
        else if (_backend.HasVanished(now))
        {
            ConnectionBroke(StreamSide.Backend);
        }
    }

    private void FailIfStalled(TimeSpan now)
    {
        if (_toClient.IsStalledAfterSourceEnd(now, _options.StalledReader))
        {
            Fail(StreamCloseReason.ClientStalled);
        }
        else if (_toBackend.IsStalledAfterSourceEnd(now, _options.StalledReader))
        {
            Fail(StreamCloseReason.BackendStalled);
        }
    }

    private void OnDeadline(TimeSpan now)
    {
        if (Phase == StreamPhase.Running)
        {
            Fail(StreamCloseReason.LingerExpired);
        }
        else if (_toBackend.IsBehind || _toClient.IsBehind)
        {
            // This process is late, not the peers, so the stream is not reset. The end of the drain is the limit.
            Volatile.Write(ref _deadline, (now + _options.CloseGrace).Ticks);
        }
        else if (_toBackend.Flushing || _toClient.Flushing || Phase == StreamPhase.Finishing)
        {
            Fail(StreamCloseReason.DrainBlocked);
        }
        else if (!_toBackend.Delivered || !_toClient.Delivered)
        {
            Fail(StreamCloseReason.DrainCutMidFrame);
        }
        else
        {
            Volatile.Write(ref _deadline, (now + _options.CloseGrace).Ticks);
            Volatile.Write(ref _phase, (int)StreamPhase.Finishing);
            Wake();
        }
    }

    private void Wake() => WhileTransportsLive(static stream =>
    {
        stream._toBackend.Wake();
        stream._toClient.Wake();
    });

    /// <summary>
    /// Runs an action on the transports from outside of the two loops. Does nothing once both loops have ended, because the owner then
    /// disposes the transports.
    /// </summary>
    private void WhileTransportsLive(Action<RunningStream> action)
    {
        lock (_gate)
        {
            if (!_over)
            {
                action(this);
            }
        }
    }

    private StreamCloseReason Reason()
    {
        var failure = Volatile.Read(ref _failure);
        return failure != NoReason ? (StreamCloseReason)failure
            : Phase != StreamPhase.Running ? StreamCloseReason.Drained
                : OrderlyEndReason();
    }

    private StreamCloseReason OrderlyEndReason() =>
        Volatile.Read(ref _endedFirst) == (int)StreamSide.Backend ? StreamCloseReason.BackendClosed : StreamCloseReason.ClientClosed;
}
