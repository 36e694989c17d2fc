namespace Tailnet.Ip.Tcp;

/// <summary>A token bucket, which is full at first. It is not thread-safe.</summary>
/// <param name="perSecond">Tokens added in a second, at even intervals.</param>
/// <param name="burst">The most tokens in the bucket.</param>
internal sealed class RateLimit(int perSecond, int burst)
{
    private readonly long _interval = TcpTimes.Second / perSecond;

    // The time at which the bucket is full again; it stands for the number of tokens.
    private long _fullAt;

    /// <summary>Takes a token; false when the bucket is empty.</summary>
    /// <param name="now">The stack's clock, in microseconds.</param>
    public bool TryTake(long now)
    {
        var fullAt = Math.Max(_fullAt, now) + _interval;
        if (fullAt - now > burst * _interval)
        {
            return false;
        }

        _fullAt = fullAt;
        return true;
    }
}
