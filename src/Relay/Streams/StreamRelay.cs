using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Relay.Streams.Wire;
using Sockets;

namespace Relay.Streams;

/// <summary>
/// The streams that run through this process. One heartbeat serves them all: it closes streams whose turn in a drain has come, ends
/// graces, and finds peers that have vanished.
/// </summary>
public sealed partial class StreamRelay : IDisposable
{
    private readonly StreamRelayOptions _options;
    private readonly StreamMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly byte[] _drainReason;
    private readonly long _epoch;
    private readonly Heartbeat<RunningStream> _heartbeat;
    private readonly Func<TimeSpan> _now;
    private readonly Lock _lock = new();
    private long _finishedToBackend;
    private long _finishedToClient;
    private bool _draining;
    private TaskCompletionSource _empty = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Starts an empty relay.</summary>
    /// <param name="options">Times.</param>
    /// <param name="metrics">Instruments; this relay's alone.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">For faults of this program; null for none.</param>
    /// <exception cref="ArgumentException">
    /// The drain's reason is longer than a close frame holds, or a time or size is not positive.
    /// </exception>
    public StreamRelay(StreamRelayOptions options, StreamMetrics metrics, TimeProvider time, ILogger<StreamRelay>? logger = null)
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
        ILogger log = logger ?? NullLogger<StreamRelay>.Instance;
        _heartbeat = new Heartbeat<RunningStream>(
            options.Heartbeat,
            time,
            (stream, now) => stream.Beat(time.GetElapsedTime(_epoch, now)),
            (stream, fault) =>
            {
                LogBeatFailed(log, fault);
                stream.Fail(StreamCloseReason.HostAborted);
            });
        metrics.ObserveBytes(CountBytes);
    }

    /// <summary>How many streams run now.</summary>
    public int Count => _heartbeat.Count;

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
            streams = _heartbeat.ToArray();
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

        _heartbeat.Beat();
        await _empty.Task.ConfigureAwait(false);
    }

    /// <summary>Stops the heartbeat. Streams that still run are reset.</summary>
    public void Dispose()
    {
        _heartbeat.Dispose();
        AbortAll();
    }

    private void Add(RunningStream stream)
    {
        bool draining;
        lock (_lock)
        {
            _heartbeat.Add(stream);
            draining = _draining;
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
            _heartbeat.Remove(stream);
            _finishedToBackend += stream.BytesToBackend;
            _finishedToClient += stream.BytesToClient;
            if (_draining && _heartbeat.Count == 0)
            {
                _empty.TrySetResult();
            }
        }
    }

    private void AbortAll()
    {
        foreach (var stream in _heartbeat.ToArray())
        {
            stream.Fail(StreamCloseReason.HostAborted);
        }
    }

    private (long ToBackend, long ToClient) CountBytes()
    {
        lock (_lock)
        {
            var toBackend = _finishedToBackend;
            var toClient = _finishedToClient;
            foreach (var stream in _heartbeat.ToArray())
            {
                toBackend += stream.BytesToBackend;
                toClient += stream.BytesToClient;
            }

            return (toBackend, toClient);
        }
    }

    [LoggerMessage(
        EventId = 2002, Level = LogLevel.Error, Message = "Unhandled exception in the heartbeat of a stream. The stream ends.")]
    private static partial void LogBeatFailed(ILogger logger, Exception exception);
}
