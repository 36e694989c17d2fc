namespace Tailnet.WireGuard;

/// <summary>A token bucket that limits the initiations that are answered. It is full at first. Not for concurrent use.</summary>
/// <param name="interval">The time in which one token is added, in ticks of the clock's timestamps.</param>
/// <param name="burst">The number of tokens of a full bucket.</param>
internal struct HandshakeBudget(long interval, int burst)
{
    // The timestamp at which the bucket is full again, from which the number of tokens follows.
    private long _fullAt = long.MinValue;

    public bool TryTake(long now)
    {
        var from = Math.Max(_fullAt, now);
        if (from - now > interval * (burst - 1))
        {
            return false;
        }

        _fullAt = from + interval;
        return true;
    }
}
