namespace Relay.Streams;

/// <summary>How far a drain has come with a stream.</summary>
internal enum StreamPhase
{
    /// <summary>No drain has reached it.</summary>
    Running = 0,

    /// <summary>Close frames are to be written, and the peers' own are awaited until the grace is over.</summary>
    Closing,

    /// <summary>The grace is over and all is delivered: outputs are completed without waiting for the peers.</summary>
    Finishing,
}

/// <summary>A stream that is being relayed: its two directions, and what they share.</summary>
internal sealed class RunningStream
{
    private const int NoReason = -1;
    private const int NobodyYet = -1;
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
    private int _began = NobodyYet;
    private int _closeFrames;
    private long _turn = long.MaxValue;
    private long _deadline = long.MaxValue;
    private TimeSpan _nextLook;

    public RunningStream(
        StreamTransport client, StreamTransport backend, StreamInfo info, StreamRelayOptions options, byte[] drainReason, Func<TimeSpan> now)
    {
        _client = client;
        _backend = backend;
        Info = info;
        _options = options;
        DrainReason = drainReason;
        _now = now;
        _nextLook = now() + options.LivenessPeriod;
        _toBackend = new StreamDirection(this, StreamSide.Client, client, backend);
        _toClient = new StreamDirection(this, StreamSide.Backend, backend, client);
    }

    public StreamInfo Info { get; }

    public byte[] DrainReason { get; }

    public int MaxBatch => _options.MaxBatchBytes;

    public StreamPhase Phase => (StreamPhase)Volatile.Read(ref _phase);

    /// <summary>Whether the stream was ended at once; its directions then stop wherever they are.</summary>
    public bool Failed => Volatile.Read(ref _failure) != NoReason;

    public long BytesToBackend => _toBackend.Bytes;

    public long BytesToClient => _toClient.Bytes;

    public async Task<StreamReport> RunAsync()
    {
        var start = _now();

        try
        {
            // Never inline: whoever just ended the stream holds the gate, and is not through with the transports yet.
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

    /// <summary>Ends the stream at once, in both directions; the first reason counts.</summary>
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

    /// <summary>One end's connection broke. After an orderly goodbye that is only the way that peer ends its connections.</summary>
    public void Broke(StreamSide side)
    {
        var goodbye = side == StreamSide.Client ? _toClient : _toBackend;
        var reason = Volatile.Read(ref _closeFrames) == BothSides ? Beginner()
            : Phase != StreamPhase.Running && goodbye.Delivered ? StreamCloseReason.Drained
            : side == StreamSide.Client ? StreamCloseReason.ClientAborted
            : StreamCloseReason.BackendAborted;
        Fail(reason);
    }

    public void NoteEnd(StreamSide side) => Interlocked.CompareExchange(ref _began, (int)side, NobodyYet);

    public void NoteCloseFrame(StreamSide side)
    {
        NoteEnd(side);
        if ((Interlocked.Or(ref _closeFrames, 1 << (int)side) | (1 << (int)side)) == BothSides && Phase == StreamPhase.Running)
        {
            Interlocked.CompareExchange(ref _deadline, (_now() + _options.CloseLinger).Ticks, long.MaxValue);
        }
    }

    /// <summary>Sets when the drain closes this stream; the heartbeat sees to it.</summary>
    public void SetTurn(TimeSpan turn) => Volatile.Write(ref _turn, turn.Ticks);

    /// <summary>Begins to close the stream in order.</summary>
    public void Close()
    {
        if (Phase != StreamPhase.Running)
        {
            return;
        }

        // Before the phase: a deadline of the linger must not be taken for that of the grace.
        Volatile.Write(ref _deadline, (_now() + _options.CloseGrace).Ticks);
        if (Interlocked.CompareExchange(ref _phase, (int)StreamPhase.Closing, (int)StreamPhase.Running) == (int)StreamPhase.Running)
        {
            Wake();
        }
    }

    /// <summary>What the relay's one timer does for each stream.</summary>
    public void Beat(TimeSpan now)
    {
        if (now >= _nextLook)
        {
            _nextLook = now + _options.LivenessPeriod;
            LookForVanished(now);
            LookForStalled(now);
        }

        if (Failed)
        {
            return;
        }

        if (_toBackend.SourceBrokeUnseen())
        {
            Broke(StreamSide.Client);
        }
        else if (_toClient.SourceBrokeUnseen())
        {
            Broke(StreamSide.Backend);
        }
        else if (Phase == StreamPhase.Running && now.Ticks >= Volatile.Read(ref _turn))
        {
            Close();
        }
        else if (now.Ticks >= Volatile.Read(ref _deadline))
        {
            Overdue(now);
        }
    }

    private void LookForVanished(TimeSpan now)
    {
        if (_client.HasVanished(now))
        {
            Broke(StreamSide.Client);
        }
        else if (_backend.HasVanished(now))
        {
            Broke(StreamSide.Backend);
        }
    }

    private void LookForStalled(TimeSpan now)
    {
        if (_toClient.IsStalledBehindTheEnd(now, _options.StalledReader))
        {
            Fail(StreamCloseReason.ClientStalled);
        }
        else if (_toBackend.IsStalledBehindTheEnd(now, _options.StalledReader))
        {
            Fail(StreamCloseReason.BackendStalled);
        }
    }

    private void Overdue(TimeSpan now)
    {
        if (Phase == StreamPhase.Running)
        {
            Fail(StreamCloseReason.LingerExpired);
        }
        else if (_toBackend.IsBehind || _toClient.IsBehind)
        {
            // A reset would punish the peers for a pause of this process. The drain's own end is the bound.
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
    /// Does something to the transports from outside their loops. Once both loops are over the owner disposes them, and nothing is done.
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
            : Beginner();
    }

    private StreamCloseReason Beginner() =>
        Volatile.Read(ref _began) == (int)StreamSide.Backend ? StreamCloseReason.BackendClosed : StreamCloseReason.ClientClosed;
}
