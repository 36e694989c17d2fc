namespace Tailnet.WireGuard;

/// <summary>WireGuard's times (wireguard.md §4), in ticks of the clock's timestamps.</summary>
internal sealed class WireGuardTimes
{
    private readonly TimeProvider _time;

    public WireGuardTimes(WireGuardOptions options, TimeProvider time)
    {
        _time = time;
        FirstRetry = Ticks(options.FirstRetry);
        ReadyRetry = Ticks(options.ReadyRetry);
        PersistentKeepAlive = Ticks(options.PersistentKeepAlive);
        RekeyAfter = Ticks(TimeSpan.FromSeconds(120));
        RejectAfter = Ticks(TimeSpan.FromSeconds(180));
        RekeyTimeout = Ticks(TimeSpan.FromSeconds(5));
        AttemptTime = Ticks(TimeSpan.FromSeconds(90));
        KeepAliveTimeout = Ticks(TimeSpan.FromSeconds(10));
        InitiationGap = Ticks(TimeSpan.FromMilliseconds(20));
        ReadyGap = Ticks(TimeSpan.FromSeconds(1));
        CookieAge = Ticks(TimeSpan.FromSeconds(120));
        MaxJitter = Ticks(TimeSpan.FromMilliseconds(333));
    }

    public long Now => _time.GetTimestamp();

    /// <summary>The delay of the first retransmission while there is no session. Later ones back off exponentially.</summary>
    public long FirstRetry { get; }

    /// <summary>The same delay after the peer was reported ready.</summary>
    public long ReadyRetry { get; }

    public long PersistentKeepAlive { get; }

    /// <summary>The age at which the initiator of a session rekeys after it has sent (Rekey-After-Time).</summary>
    public long RekeyAfter { get; }

    /// <summary>The age at which a session ends (Reject-After-Time).</summary>
    public long RejectAfter { get; }

    /// <summary>The delay of a retransmission while there is a session, and after the backoff (Rekey-Timeout).</summary>
    public long RekeyTimeout { get; }

    /// <summary>The time after which a handshake is given up (Rekey-Attempt-Time).</summary>
    public long AttemptTime { get; }

    /// <summary>The time after received data at which a passive keep-alive is sent, if nothing else was sent (Keepalive-Timeout).</summary>
    public long KeepAliveTimeout { get; }

    /// <summary>The time after sent data at which a new handshake begins: the peer's passive keep-alive should have arrived.</summary>
    public long NoAnswer => KeepAliveTimeout + RekeyTimeout;

    /// <summary>The age at which the initiator of a session rekeys after it has received, which is before the session ends.</summary>
    public long RekeyAfterReceiving => RejectAfter - KeepAliveTimeout - RekeyTimeout;

    /// <summary>The age of the newest session at which all keys are erased.</summary>
    public long Erase => 3 * RejectAfter;

    /// <summary>The minimum time between initiations: wireguard-go ignores one that comes sooner after another.</summary>
    public long InitiationGap { get; }

    /// <summary>The minimum time between two reports of readiness that have an effect.</summary>
    public long ReadyGap { get; }

    public long CookieAge { get; }

    private long MaxJitter { get; }

    /// <summary>A random time of 0 to 333 ms, so that two nodes do not retransmit at the same time.</summary>
    public long Jitter() => Random.Shared.NextInt64(MaxJitter + 1);

    public long Ticks(TimeSpan time) => (long)Math.Round(time.TotalSeconds * _time.TimestampFrequency);
}
