using System.Runtime.CompilerServices;
using Sockets;
using Tailnet.Wire;

namespace Tailnet.Yamux;

public sealed partial class YamuxSession
{
    /// <summary>The time between two checks of a session, and so how late a time limit can be.</summary>
    private static readonly TimeSpan HeartbeatPeriod = TimeSpan.FromSeconds(1);

    // One for all sessions of a clock, which is one for the process outside of tests.
    private static readonly ConditionalWeakTable<TimeProvider, Heartbeat<YamuxSession>> Heartbeats = [];

    private readonly Dictionary<uint, (long SentAt, TaskCompletionSource<TimeSpan> Answer)> _pings = [];
    private uint _nextPing;
    private uint? _keepAlive;
    private long _lastPing;

    /// <summary>Pings the peer and returns the round-trip time.</summary>
    /// <param name="cancellationToken">Ends the wait; the session continues.</param>
    /// <exception cref="YamuxException">The session has ended.</exception>
    public async Task<TimeSpan> PingAsync(CancellationToken cancellationToken = default)
    {
        var answer = new TaskCompletionSource<TimeSpan>(TaskCreationOptions.RunContinuationsAsynchronously);
        uint id;
        lock (_lock)
        {
            if (_reason != YamuxCloseReason.None)
            {
                throw new YamuxException(_reason);
            }

            id = _nextPing++;
            _pings.Add(id, (_clock.GetTimestamp(), answer));
            _control.Enqueue(new YamuxHeader(YamuxType.Ping, YamuxFlags.Syn, 0, id));
        }

        _work.Set();
        try
        {
            return await answer.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            lock (_lock)
            {
                _pings.Remove(id);
            }
        }
    }

    private YamuxCloseReason OnPing(YamuxHeader header)
    {
        if ((header.Flags & YamuxFlags.Syn) != 0)
        {
            return TryQueueAnswer(new YamuxHeader(YamuxType.Ping, YamuxFlags.Ack, 0, header.Length))
                ? YamuxCloseReason.None
                : YamuxCloseReason.ControlFlood;
        }

        lock (_lock)
        {
            if (header.Length == _keepAlive)
            {
                _keepAlive = null;
            }
            else if (_pings.Remove(header.Length, out var ping))
            {
                ping.Answer.TrySetResult(_clock.GetElapsedTime(ping.SentAt));
            }
        }

        return YamuxCloseReason.None;
    }

    private static Heartbeat<YamuxSession> HeartbeatOf(TimeProvider clock) => Heartbeats.GetValue(
        clock,
        static clock => new Heartbeat<YamuxSession>(
            HeartbeatPeriod, clock, static (session, now) => session.Beat(now), static (session, fault) => session.Fail(fault)));

    /// <summary>
    /// Checks the session's times: keep-alive, blocked flushes, and streams that the peer does not accept or leaves half-closed.
    /// </summary>
    private void Beat(long now)
    {
        var flushStarted = Volatile.Read(ref _flushStarted);
        if (flushStarted != 0 && _clock.GetElapsedTime(flushStarted, now) >= _options.AnswerTimeout)
        {
            End(YamuxCloseReason.WriteTimeout);
            _transport.Output.CancelPendingFlush();
            return;
        }

        var reason = CheckKeepAlive(now);
        if (reason == YamuxCloseReason.None)
        {
            reason = CheckStreams(now);
        }

        if (reason != YamuxCloseReason.None)
        {
            End(reason);
        }
    }

    private YamuxCloseReason CheckKeepAlive(long now)
    {
        lock (_lock)
        {
            var since = _clock.GetElapsedTime(_lastPing, now);
            if (_keepAlive is not null)
            {
                return since >= _options.AnswerTimeout ? YamuxCloseReason.KeepAliveTimeout : YamuxCloseReason.None;
            }

            if (since < _options.KeepAlive || _reason != YamuxCloseReason.None)
            {
                return YamuxCloseReason.None;
            }

            _lastPing = now;
            _keepAlive = _nextPing++;
            _control.Enqueue(new YamuxHeader(YamuxType.Ping, YamuxFlags.Syn, 0, _keepAlive.Value));
        }

        _work.Set();
        return YamuxCloseReason.None;
    }

    private YamuxCloseReason CheckStreams(long now)
    {
        List<YamuxStream>? halfClosed = null;
        lock (_lock)
        {
            foreach (var stream in _streams.Values)
            {
                if (!stream.Acknowledged && _clock.GetElapsedTime(stream.OpenedAt, now) >= _options.OpenTimeout)
                {
                    return YamuxCloseReason.OpenTimeout;
                }

                if (stream.IsHalfClosed && _clock.GetElapsedTime(stream.LocallyClosedAt, now) >= _options.HalfCloseTimeout)
                {
                    (halfClosed ??= []).Add(stream);
                }
            }
        }

        halfClosed?.ForEach(static stream => stream.Reset());
        return YamuxCloseReason.None;
    }
}
