using System.Collections.Concurrent;
using System.Runtime.CompilerServices;

namespace Tailnet.Yamux;

/// <summary>
/// One timer for all sessions on a clock. With one for each, thousands of silent sessions would wake a thread some thousand times a second.
/// </summary>
internal sealed class YamuxHeartbeat
{
    /// <summary>How often sessions look after their times, and so how late they may be.</summary>
    public static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    private static readonly ConditionalWeakTable<TimeProvider, YamuxHeartbeat> Clocks = [];

    private readonly TimeProvider _clock;
    private readonly Lock _lock = new();
    private readonly ConcurrentDictionary<YamuxSession, bool> _sessions = new();
    private ITimer? _timer;
    private int _isBusy;

    private YamuxHeartbeat(TimeProvider clock) => _clock = clock;

    /// <summary>The one of a clock.</summary>
    public static YamuxHeartbeat Of(TimeProvider clock) => Clocks.GetValue(clock, static clock => new YamuxHeartbeat(clock));

    /// <summary>Beats for a session from now on.</summary>
    public void Add(YamuxSession session)
    {
        lock (_lock)
        {
            _sessions[session] = true;
            _timer ??= _clock.CreateTimer(static self => ((YamuxHeartbeat)self!).Beat(), this, Period, Period);
        }
    }

    /// <summary>Beats for it no more; without sessions there is no timer.</summary>
    public void Remove(YamuxSession session)
    {
        lock (_lock)
        {
            _sessions.TryRemove(session, out _);
            if (_sessions.IsEmpty)
            {
                _timer?.Dispose();
                _timer = null;
            }
        }
    }

    private void Beat()
    {
        // A beat that takes longer than the period does not pile up.
        if (Interlocked.Exchange(ref _isBusy, 1) != 0)
        {
            return;
        }

        foreach (var (session, _) in _sessions)
        {
            try
            {
                session.Beat();
            }
            catch (Exception exception)
            {
                // The session logs it and ends; the others go on.
                session.Fail(exception);
            }
        }

        Volatile.Write(ref _isBusy, 0);
    }
}
