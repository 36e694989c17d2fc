namespace Tailnet.Ip.Tcp;

/// <summary>
/// Times and bounds of TCP that are the same for every connection (docs/wire/tcp.md §6). Times are microseconds, the unit of the stack's
/// clock.
/// </summary>
internal static class TcpTimes
{
    public const long Millisecond = 1000;
    public const long Second = 1000 * Millisecond;

    /// <summary>The first retransmission time-out (RFC 6298 §2).</summary>
    public const long InitialTimeout = Second;

    /// <summary>The time-out after a SYN that was lost, when no round trip could be measured (RFC 6298 §5.7).</summary>
    public const long TimeoutAfterLostSyn = 3 * Second;

    /// <summary>Least time-out. It lies above the peer's own 200 ms, because a DERP path stalls whenever its carrier retransmits.</summary>
    public const long MinTimeout = 300 * Millisecond;

    /// <summary>Greatest time-out while connecting.</summary>
    public const long MaxSynTimeout = 10 * Second;

    /// <summary>Greatest time-out, and greatest time between zero-window probes.</summary>
    public const long MaxTimeout = 60 * Second;

    /// <summary>
    /// Greatest time-out after back-off, unless the path itself is slower. With more, a slow path would have two tries before
    /// <see cref="GiveUp"/>.
    /// </summary>
    public const long MaxBackOff = 6 * Second;

    /// <summary>Least time before a tail-loss probe.</summary>
    public const long MinTailProbe = 10 * Millisecond;

    /// <summary>Longest time that an acknowledgment is held back.</summary>
    public const long DelayedAck = 20 * Millisecond;

    /// <summary>Data unacknowledged for so long ends the connection. The peer's own limit is 15 to 30 s.</summary>
    public const long GiveUp = 30 * Second;

    /// <summary>Silence before the first keep-alive probe.</summary>
    public const long KeepAliveIdle = 30 * Second;

    /// <summary>Time between keep-alive probes.</summary>
    public const long KeepAliveInterval = 10 * Second;

    /// <summary>Keep-alive probes without an answer that end the connection.</summary>
    public const int KeepAliveProbes = 3;

    /// <summary>Longest wait for the peer's FIN after the application has closed the connection for good.</summary>
    public const long FinWait2 = 60 * Second;

    /// <summary>How long a port rests after its connection.</summary>
    public const long TimeWait = 5 * Second;

    /// <summary>At most one answer in this time to segments without data that are out of the window; the peer does the same.</summary>
    public const long OutOfWindowAck = 500 * Millisecond;

    /// <summary>Timestamps older than this say nothing (RFC 7323 §5.5).</summary>
    public const long TimestampsExpire = 24L * 24 * 3600 * Second;

    /// <summary>Segment size towards a tailnet: MTU 1,280 less 60 bytes of headers.</summary>
    public const int MaxSegment = 1220;

    /// <summary>The shift of this side's windows.</summary>
    public const byte WindowScale = 7;

    /// <summary>Bytes in flight at most on one connection.</summary>
    public const int MaxInFlight = 512 * 1024;

    /// <summary>Ranges that a receiver holds out of order, and that a sender remembers.</summary>
    public const int MaxRanges = 128;

    /// <summary>Never: a deadline that is not set.</summary>
    public const long Never = long.MaxValue;
}
