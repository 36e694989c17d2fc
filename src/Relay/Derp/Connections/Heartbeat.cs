using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Relay.Derp.Connections;

/// <summary>One timer for all connections: keep-alives, pings of silent clients, and the deadlines of handshakes and writes.</summary>
internal sealed partial class Heartbeat : IDisposable
{
    /// <summary>How often it looks, and so how late it may be.</summary>
    public static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<DerpSession, long> _handshakes = new();
    private readonly DerpRegistry _registry;
    private readonly DerpServerOptions _options;
    private readonly DerpTotals _totals;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly ITimer _timer;
    private int _isBusy;

    public Heartbeat(DerpRegistry registry, DerpServerOptions options, DerpTotals totals, TimeProvider time, ILogger logger)
    {
        (_registry, _options, _totals, _time, _logger) = (registry, options, totals, time, logger);
        _timer = time.CreateTimer(static state => ((Heartbeat)state!).Beat(), this, Period, Period);
    }

    /// <summary>Gives a session time for the next part of its handshake.</summary>
    public void ExpectWithinHandshakeTime(DerpSession session) => _handshakes[session] = After(_options.HandshakeTimeout);

    public void Forget(DerpSession session) => _handshakes.TryRemove(session, out _);

    /// <summary>Sets a connection's first times.</summary>
    public void Begin(ConnectionActivity activity)
    {
        activity.KeepAliveAt = After(NextKeepAlive());
        activity.Since = activity.HeardAt = _time.GetTimestamp();
    }

    public void Dispose() => _timer.Dispose();

    private TimeSpan NextKeepAlive() => _options.KeepAlive + (_options.KeepAliveJitter * Random.Shared.NextDouble());

    private long After(TimeSpan time) => _time.GetTimestamp() + (long)(time.TotalSeconds * _time.TimestampFrequency);

    private void Beat()
    {
        // A beat that takes longer than the period does not pile up.
        if (Interlocked.Exchange(ref _isBusy, 1) != 0)
        {
            return;
        }

        var now = _time.GetTimestamp();
        foreach (var (session, deadline) in _handshakes)
        {
            if (now >= deadline)
            {
                Try(session.HandshakeTimedOut);
            }
        }

        foreach (var connection in _registry.All)
        {
            Try(() => Look(connection, now));
        }

        Volatile.Write(ref _isBusy, 0);
    }

    // What fails for one connection must not end the times of the others, nor the process, which is what a timer's exception does.
    private void Try(Action action)
    {
        try
        {
            action();
        }
        catch (Exception exception)
        {
            Failed(_logger, exception);
        }
    }

    private void Look(DerpConnection connection, long now)
    {
        var activity = connection.Activity;
        if (connection.IsStuck)
        {
            var allowed = connection.IsMeshPeer ? _options.MeshWriteTimeout : _options.WriteTimeout;

            // One that reads more slowly than is sent to it is full whenever somebody looks, but it moves.
            var taken = connection.Taken;
            if (activity.StuckSince == 0 || activity.StuckAt != taken)
            {
                (activity.StuckSince, activity.StuckAt) = (now, taken);
            }

            if (allowed > TimeSpan.Zero
                && _time.GetElapsedTime(activity.StuckSince, now) >= allowed
                && connection.BeginClose(DerpCloseReason.WriteTimeout))
            {
                _totals.Count(DerpCount.WriteTimeouts);
            }
        }
        else
        {
            activity.StuckSince = 0;
        }

        if (now >= activity.KeepAliveAt)
        {
            activity.KeepAliveAt = After(NextKeepAlive());
            connection.SendKeepAlive(ping: false);
        }

        LookForSilence(connection, activity, now);
    }

    private void LookForSilence(DerpConnection connection, ConnectionActivity activity, long now)
    {
        if (activity.Reads != activity.HeardReads)
        {
            (activity.HeardReads, activity.HeardAt, activity.PingedAt) = (activity.Reads, now, 0);
        }
        else if (!connection.CanAckPings)
        {
            return;
        }
        else if (activity.PingedAt != 0)
        {
            if (_time.GetElapsedTime(activity.PingedAt, now) >= _options.PingTimeout)
            {
                connection.BeginClose(DerpCloseReason.PingTimeout);
            }
        }
        else if (_time.GetElapsedTime(activity.HeardAt, now) >= _options.PingAfter)
        {
            activity.PingedAt = now;
            connection.SendKeepAlive(ping: true);
        }
    }

    [LoggerMessage(EventId = 2001, Level = LogLevel.Error, Message = "Unhandled exception in the heartbeat of a DERP connection")]
    private static partial void Failed(ILogger logger, Exception exception);
}
