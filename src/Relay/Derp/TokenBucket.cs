namespace Relay.Derp;

/// <summary>A bucket of tokens that fills evenly, full at first. Not for concurrent use.</summary>
internal struct TokenBucket
{
    private readonly double _perSecond;
    private readonly double _capacity;
    private double _tokens;
    private long _then;

    public TokenBucket(double perSecond, double capacity, long now) =>
        (_perSecond, _capacity, _tokens, _then) = (perSecond, capacity, capacity, now);

    /// <summary>Takes tokens, or says how long it takes until they are there.</summary>
    /// <param name="tokens">How many, no more than the capacity.</param>
    /// <param name="time">The clock.</param>
    /// <returns>Zero when they were taken; else whole milliseconds, since timers drop what is less and would come too early.</returns>
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
