namespace Tailnet.WireGuard;

/// <summary>The timestamps at which a peer's timers are due. Nothing fires by itself: <see cref="TryTakeDue"/> polls the timers.</summary>
internal sealed class PeerTimers
{
    private const long Never = long.MaxValue;

    private readonly long[] _due = [Never, Never, Never, Never, Never];

    /// <summary>The earliest timestamp; <see cref="long.MaxValue"/> when no timer is set.</summary>
    public long Next
    {
        get
        {
            var next = Never;
            foreach (var due in _due)
            {
                next = Math.Min(next, due);
            }

            return next;
        }
    }

    public bool IsSet(PeerTimer timer) => _due[(int)timer] != Never;

    public void Set(PeerTimer timer, long due) => _due[(int)timer] = due;

    public void Clear(PeerTimer timer) => _due[(int)timer] = Never;

    /// <summary>Clears and returns a timer that is due.</summary>
    public bool TryTakeDue(long now, out PeerTimer timer)
    {
        for (var i = 0; i < _due.Length; i++)
        {
            if (_due[i] <= now)
            {
                _due[i] = Never;
                timer = (PeerTimer)i;
                return true;
            }
        }

        timer = default;
        return false;
    }
}
