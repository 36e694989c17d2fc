using Microsoft.Extensions.Logging;
using Sockets;

namespace Relay.Derp.Connections;

/// <summary>
/// What the heartbeat does for each connection: keep-alives, pings of silent clients, and the deadlines of handshakes and writes.
/// </summary>
internal sealed partial class DerpHeartbeat : IDisposable
{
    /// <summary>The time between two checks of a connection, and so how late a deadline can be.</summary>
    public static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    private readonly Heartbeat<DerpSession> _sessions;
    private readonly DerpServerOptions _options;
    private readonly DerpTotals _totals;
    private readonly TimeProvider _time;

    public DerpHeartbeat(DerpServerOptions options, DerpTotals totals, TimeProvider time, ILogger logger)
    {
        (_options, _totals, _time) = (options, totals, time);
        _sessions = new Heartbeat<DerpSession>(Period, time, Beat, (_, exception) => Failed(logger, exception));
    }

    /// <summary>Adds a session, whose time for the handshake begins.</summary>
    public void Add(DerpSession session)
    {
        RestartHandshakeTime(session);
        _sessions.Add(session);
    }

    public void Remove(DerpSession session) => _sessions.Remove(session);

    /// <summary>The next part of the handshake gets the whole time again.</summary>
    public void RestartHandshakeTime(DerpSession session) => session.HandshakeDeadline = After(_options.HandshakeTimeout);

    /// <summary>Ends the time for the handshake, and sets the first times of the connection.</summary>
    public void EndHandshake(DerpSession session, ConnectionActivity activity)
    {
        session.HandshakeDeadline = long.MaxValue;
        activity.KeepAliveAt = After(NextKeepAlive());
        activity.Since = activity.HeardAt = _time.GetTimestamp();
    }

    public void Dispose() => _sessions.Dispose();

    private TimeSpan NextKeepAlive() => _options.KeepAlive + (_options.KeepAliveJitter * Random.Shared.NextDouble());

    private long After(TimeSpan time) => _time.GetTimestamp() + (long)(time.TotalSeconds * _time.TimestampFrequency);

    private void Beat(DerpSession session, long now)
    {
        if (session.Admitted is { } connection)
        {
            Look(connection, now);
        }
        else if (now >= session.HandshakeDeadline)
        {
            session.HandshakeTimedOut();
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
