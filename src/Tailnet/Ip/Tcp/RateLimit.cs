namespace Tailnet.Ip.Tcp;

/// <summary>A bucket of tokens that fills evenly, full at first. Not for concurrent use.</summary>
/// <param name="perSecond">Tokens that come in a second.</param>
/// <param name="burst">Most tokens.</param>
internal sealed class RateLimit(int perSecond, int burst)
{
    private readonly long _interval = TcpTimes.Second / perSecond;
    private long _full;

    /// <summary>Takes a token; false when there is none.</summary>
    /// <param name="now">The stack's clock, in microseconds.</param>
    public bool TryTake(long now)
    {
        var full = Math.Max(_full, now) + _interval;
        if (full - now > burst * _interval)
        {
            return false;
        }

        _full = full;
        return true;
    }
}
