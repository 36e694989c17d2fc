namespace Relay.Derp;

/// <summary>The rate limit of all clients together, which their readers share.</summary>
internal sealed class TotalRate(TimeProvider time)
{
    private readonly Lock _lock = new();
    private TokenBucket _bucket;
    private volatile bool _isOn;

    public void Set(DerpRateLimit limit)
    {
        lock (_lock)
        {
            _bucket = new TokenBucket(limit.BytesPerSecond, limit.Capacity, time.GetTimestamp());
            _isOn = limit.BytesPerSecond > 0;
        }
    }

    public TimeSpan Take(double tokens)
    {
        if (!_isOn)
        {
            return TimeSpan.Zero;
        }

        lock (_lock)
        {
            return _isOn ? _bucket.Take(tokens, time) : TimeSpan.Zero;
        }
    }
}
