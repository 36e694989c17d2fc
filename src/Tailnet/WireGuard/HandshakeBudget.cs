namespace Tailnet.WireGuard;

/// <summary>How many handshakes may be answered: a token bucket, full at first. Not for concurrent use.</summary>
/// <param name="interval">The time in which one token comes back, in ticks of the clock.</param>
/// <param name="burst">Tokens of a full bucket.</param>
internal struct HandshakeBudget(long interval, int burst)
{
    // The time at which the bucket is full again: one number says how many tokens are there.
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
