namespace Relay.Derp;

/// <summary>A token bucket, full at first. Not for concurrent use.</summary>
internal struct TokenBucket
{
    private readonly double _perSecond;
    private readonly double _capacity;
    private double _tokens;
    private long _then;

    public TokenBucket(double perSecond, double capacity, long now) =>
        (_perSecond, _capacity, _tokens, _then) = (perSecond, capacity, capacity, now);

    /// <summary>Takes tokens, or returns the time until there are enough.</summary>
    /// <param name="tokens">The number of tokens, not above the capacity.</param>
    /// <param name="time">The clock.</param>
    /// <returns>
    /// Zero when the tokens were taken. Otherwise whole milliseconds: timers cut fractions off and would fire too early.
    /// </returns>
    public TimeSpan Take(double tokens, TimeProvider time)
    {
        var now = time.GetTimestamp();
        _tokens = Math.Min(_capacity, _tokens + (time.GetElapsedTime(_then, now).TotalSeconds * _perSecond));
        _then = now;
        if (_tokens >= tokens)
        {
            _tokens -= tokens;
            return TimeSpan.Zero;
        }

        return TimeSpan.FromMilliseconds(Math.Ceiling((tokens - _tokens) / _perSecond * 1000));
    }
}
