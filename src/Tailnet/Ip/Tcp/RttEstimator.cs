namespace Tailnet.Ip.Tcp;

/// <summary>Round-trip time and retransmission time-out (RFC 6298), in microseconds.</summary>
internal struct RttEstimator
{
    private const long Granularity = TcpTimes.Millisecond;

    private long _variation;
    private long _timeout;

    public RttEstimator() => _timeout = TcpTimes.InitialTimeout;

    /// <summary>The smoothed round-trip time; 0 before the first sample.</summary>
    public long Smoothed { get; private set; }

    /// <summary>The time-out before back-off.</summary>
    public readonly long Timeout => _timeout;

    /// <summary>Adds a measured round-trip time.</summary>
    public void Add(long sample)
    {
        sample = Math.Max(sample, 1);
        if (Smoothed == 0)
        {
            (Smoothed, _variation) = (sample, sample / 2);
        }
        else
        {
            _variation += (Math.Abs(Smoothed - sample) - _variation) / 4;
            Smoothed = Math.Max(1, Smoothed + ((sample - Smoothed) / 8));
        }

        _timeout = Math.Clamp(Smoothed + Math.Max(Granularity, 4 * _variation), TcpTimes.MinTimeout, TcpTimes.MaxTimeout);
    }

    /// <summary>Without a sample from the handshake, sets the time-out for the first data to 3 seconds (RFC 6298 §5.7).</summary>
    public void SetTimeoutAfterSyn()
    {
        if (Smoothed == 0)
        {
            _timeout = TcpTimes.TimeoutAfterLostSyn;
        }
    }

    /// <summary>
    /// The time-out after <paramref name="expiries"/> expiries in a row. It is doubled for each up to <paramref name="max"/>, and never
    /// below the time-out without back-off.
    /// </summary>
    public readonly long BackedOff(int expiries, long max) => Math.Max(_timeout, Math.Min(max, _timeout << Math.Min(expiries, 16)));
}
