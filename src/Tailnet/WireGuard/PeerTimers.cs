namespace Tailnet.WireGuard;

/// <summary>When each timer of a peer is due, in ticks of the clock. Nothing fires by itself.</summary>
internal sealed class PeerTimers
{
    private const long Never = long.MaxValue;

    private readonly long[] _due = [Never, Never, Never, Never, Never];

    /// <summary>The earliest time; <see cref="long.MaxValue"/> for none.</summary>
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

    /// <summary>Takes the first timer that is due.</summary>
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
