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

    /// <summary>The first wait for a response while there is no session; each further one ends twice as late.</summary>
    public long FirstRetry { get; }

    /// <summary>The same after the peer was said to be ready.</summary>
    public long ReadyRetry { get; }

    public long PersistentKeepAlive { get; }

    /// <summary>The age of a session at which its initiator begins another one.</summary>
    public long RekeyAfter { get; }

    /// <summary>The age of a session at which it ends.</summary>
    public long RejectAfter { get; }

    /// <summary>The wait for a response while there is a session.</summary>
    public long RekeyTimeout { get; }

    /// <summary>How long a handshake is tried.</summary>
    public long AttemptTime { get; }

    /// <summary>The time within which received data is answered, by an empty packet if by nothing else.</summary>
    public long KeepAliveTimeout { get; }

    /// <summary>The time after data was sent when the peer counts as gone: its keep-alive and its handshake would have come.</summary>
    public long NoAnswer => KeepAliveTimeout + RekeyTimeout;

    /// <summary>The age at which the initiator of a session that only receives begins another one.</summary>
    public long LastMinute => RejectAfter - KeepAliveTimeout - RekeyTimeout;

    /// <summary>The age of the last session at which all keys are erased.</summary>
    public long Erase => 3 * RejectAfter;

    /// <summary>wireguard-go ignores an initiation so soon after another one.</summary>
    public long InitiationGap { get; }

    /// <summary>How often word that the peer is ready counts.</summary>
    public long ReadyGap { get; }

    public long CookieAge { get; }

    private long MaxJitter { get; }

    /// <summary>A random time up to 333 ms, so that two nodes do not try in step.</summary>
    public long Jitter() => Random.Shared.NextInt64(MaxJitter + 1);

    public long Ticks(TimeSpan time) => (long)Math.Round(time.TotalSeconds * _time.TimestampFrequency);
}
