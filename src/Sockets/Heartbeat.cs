namespace Sockets;

/// <summary>
/// One timer that calls a method for each member of a set. With a timer for each member, thousands of silent connections would wake
/// a thread thousands of times in a period. The timer runs only while the set has members.
/// </summary>
/// <remarks>
/// A beat calls the members one after the other, without a lock. Beats do not overlap: others are skipped while one runs. A member
/// that is removed during a beat may still be called by it. An exception of one member reaches neither the other members nor the
/// timer's thread, where it would end the process.
/// </remarks>
/// <typeparam name="T">The members, such as connections.</typeparam>
public sealed class Heartbeat<T> : IDisposable
    where T : notnull
{
    private readonly TimeSpan _period;
    private readonly TimeProvider _time;
    private readonly Action<T, long> _beat;
    private readonly Action<T, Exception> _failed;
    private readonly Lock _lock = new();
    private readonly HashSet<T> _members = [];
    private readonly List<T> _beatMembers = [];
    private readonly ITimer _timer;
    private int _isBusy;

    /// <summary>Creates an empty set.</summary>
    /// <param name="period">The time between two beats.</param>
    /// <param name="time">The clock.</param>
    /// <param name="beat">Called for each member at each beat, with the timestamp at which the beat began.</param>
    /// <param name="failed">Called with an exception of <paramref name="beat"/>, to log it. It must not throw.</param>
    public Heartbeat(TimeSpan period, TimeProvider time, Action<T, long> beat, Action<T, Exception> failed)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(period, TimeSpan.Zero);
        ArgumentNullException.ThrowIfNull(time);
        ArgumentNullException.ThrowIfNull(beat);
        ArgumentNullException.ThrowIfNull(failed);
        (_period, _time, _beat, _failed) = (period, time, beat, failed);
        _timer = time.CreateTimer(
            static heartbeat => ((Heartbeat<T>)heartbeat!).Beat(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>The number of members.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _members.Count;
            }
        }
    }

    /// <summary>A copy of the set.</summary>
    public T[] ToArray()
    {
        lock (_lock)
        {
            return [.. _members];
        }
    }

    /// <summary>Adds a member, unless it is in the set.</summary>
    public void Add(T member)
    {
        lock (_lock)
        {
            if (_members.Add(member) && _members.Count == 1)
            {
                _timer.Change(_period, _period);
            }
        }
    }

    /// <summary>Removes a member, if it is in the set.</summary>
    public void Remove(T member)
    {
        lock (_lock)
        {
            if (_members.Remove(member) && _members.Count == 0)
            {
                _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            }
        }
    }

    /// <summary>Runs a beat now, in addition to those of the timer. Does nothing while another beat runs.</summary>
    public void Beat()
    {
        if (Interlocked.Exchange(ref _isBusy, 1) != 0)
        {
            return;
        }

        try
        {
            lock (_lock)
            {
                _beatMembers.AddRange(_members);
            }

            var now = _time.GetTimestamp();
            foreach (var member in _beatMembers)
            {
                Beat(member, now);
            }
        }
        finally
        {
            _beatMembers.Clear();
            Volatile.Write(ref _isBusy, 0);
        }
    }

    /// <summary>Stops the timer.</summary>
    public void Dispose() => _timer.Dispose();

    private void Beat(T member, long now)
    {
        try
        {
            _beat(member, now);
        }
        catch (Exception exception)
        {
            // The owner of the member logs the exception.
            _failed(member, exception);
        }
    }
}
