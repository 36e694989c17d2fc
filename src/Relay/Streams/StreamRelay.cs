using System.Text;
using Relay.Streams.Wire;

namespace Relay.Streams;

/// <summary>
/// The streams that run through this process. One timer serves them all: it sees to the turns of a drain, the ends of graces, and peers
/// that vanish unseen.
/// </summary>
public sealed class StreamRelay : IDisposable
{
    private readonly StreamRelayOptions _options;
    private readonly StreamMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly byte[] _drainReason;
    private readonly long _epoch;
    private readonly ITimer _timer;
    private readonly Func<TimeSpan> _now;
    private readonly Lock _lock = new();
    private readonly HashSet<RunningStream> _streams = [];
    private readonly List<RunningStream> _beaten = [];
    private int _beating;
    private long _finishedToBackend;
    private long _finishedToClient;
    private bool _draining;
    private TaskCompletionSource _empty = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Starts an empty relay.</summary>
    /// <param name="options">Times.</param>
    /// <param name="metrics">Instruments; this relay's alone.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="ArgumentException">
    /// The drain's reason is longer than a close frame holds, or a time or size is not positive.
    /// </exception>
    public StreamRelay(StreamRelayOptions options, StreamMetrics metrics, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(metrics);
        ArgumentNullException.ThrowIfNull(time);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(options.Heartbeat, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxBatchBytes, 1);
        _drainReason = Encoding.UTF8.GetBytes(options.DrainReason);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(_drainReason.Length, CloseFrame.MaxReasonBytes, nameof(options));
        _options = options;
        _metrics = metrics;
        _time = time;
        _epoch = time.GetTimestamp();
        _now = () => _time.GetElapsedTime(_epoch);
        _timer = time.CreateTimer(static relay => ((StreamRelay)relay!).Beat(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        metrics.ObserveBytes(CountBytes);
    }

    /// <summary>How many streams run now.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _streams.Count;
            }
        }
    }

    /// <summary>
    /// Relays between two connected transports until both directions are over. Afterwards nobody reads or writes the transports any more,
    /// and their owner disposes them. Failures of the transports end the stream and are told in the report.
    /// </summary>
    /// <param name="client">The client's end, after its upgrade.</param>
    /// <param name="backend">The API server's end, after <see cref="UpgradeAccepted"/>.</param>
    /// <param name="info">What the relay needs to know of the stream.</param>
    /// <param name="hostAbort">Ends the stream at once with resets on both ends.</param>
    public async Task<StreamReport> RunAsync(
        StreamTransport client, StreamTransport backend, StreamInfo info, CancellationToken hostAbort)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(backend);
        var stream = new RunningStream(client, backend, info, _options, _drainReason, _now);
        _metrics.Started(info);
        Add(stream);
        StreamReport? report = null;
        try
        {
            using var abort = hostAbort.UnsafeRegister(
                static stream => ((RunningStream)stream!).Fail(StreamCloseReason.HostAborted), stream);
            client.BeginRelay();
            backend.BeginRelay();
            report = await stream.RunAsync().ConfigureAwait(false);
            return report.Value;
        }
        finally
        {
            client.EndRelay();
            backend.EndRelay();
            Remove(stream);
            _metrics.Closed(info, report?.Reason ?? StreamCloseReason.HostAborted);
        }
    }

    /// <summary>
    /// Closes all streams, and from now on every new one as it starts: coordination streams at once, the others evenly spread over the
    /// window, all of them gone at its end or soon after.
    /// </summary>
    /// <param name="window">
    /// The time to take; the last <see cref="StreamRelayOptions.CloseGrace"/> of it is left for the peers' answers.
    /// </param>
    /// <param name="cancellationToken">Resets whatever is left at once.</param>
    /// <returns>When no stream is left.</returns>
    public async Task DrainAsync(TimeSpan window, CancellationToken cancellationToken)
    {
        RunningStream[] streams;
        lock (_lock)
        {
            _draining = true;
            streams = [.. _streams];
            if (streams.Length == 0)
            {
                return;
            }

            if (_empty.Task.IsCompleted)
            {
                _empty = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            }
        }

        using var abort = cancellationToken.UnsafeRegister(static relay => ((StreamRelay)relay!).AbortAll(), this);
        var others = new List<RunningStream>();
        foreach (var stream in streams)
        {
            if (stream.Info.Kind == StreamKind.Coordination)
            {
                stream.Close();
            }
            else
            {
                others.Add(stream);
            }
        }

        var start = _now();
        var spread = window > _options.CloseGrace ? window - _options.CloseGrace : TimeSpan.Zero;
        for (var i = 0; i < others.Count; i++)
        {
            others[i].ScheduleClose(start + (spread * ((double)i / others.Count)));
        }

        Beat();
        await _empty.Task.ConfigureAwait(false);
    }

    /// <summary>Stops the timer. Streams that still run are reset.</summary>
    public void Dispose()
    {
        _timer.Dispose();
        AbortAll();
    }

    private void Add(RunningStream stream)
    {
        bool draining;
        lock (_lock)
        {
            _streams.Add(stream);
            draining = _draining;

            // Only while there is something to look at: a node without streams has no reason to wake.
            if (_streams.Count == 1)
            {
                _timer.Change(_options.Heartbeat, _options.Heartbeat);
            }
        }

        if (draining)
        {
            stream.Close();
        }
    }

    private void Remove(RunningStream stream)
    {
        lock (_lock)
        {
            _streams.Remove(stream);
            if (_streams.Count == 0)
            {
                _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            }

            _finishedToBackend += stream.BytesToBackend;
            _finishedToClient += stream.BytesToClient;
            if (_draining && _streams.Count == 0)
            {
                _empty.TrySetResult();
            }
        }
    }

    private void AbortAll()
    {
        RunningStream[] streams;
        lock (_lock)
        {
            streams = [.. _streams];
        }

        foreach (var stream in streams)
        {
            stream.Fail(StreamCloseReason.HostAborted);
        }
    }

    private void Beat()
    {
        // A beat that outlasts the period, or meets the first beat of a drain, makes the other one needless.
        if (Interlocked.Exchange(ref _beating, 1) != 0)
        {
            return;
        }

        try
        {
            lock (_lock)
            {
                _beaten.AddRange(_streams);
            }

            var now = _now();
            foreach (var stream in _beaten)
            {
                stream.Beat(now);
            }
        }
        finally
        {
            _beaten.Clear();
            Volatile.Write(ref _beating, 0);
        }
    }

    private (long ToBackend, long ToClient) CountBytes()
    {
        lock (_lock)
        {
            var toBackend = _finishedToBackend;
            var toClient = _finishedToClient;
            foreach (var stream in _streams)
            {
                toBackend += stream.BytesToBackend;
                toClient += stream.BytesToClient;
            }

            return (toBackend, toClient);
        }
    }
}
