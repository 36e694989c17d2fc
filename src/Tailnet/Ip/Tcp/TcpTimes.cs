namespace Tailnet.Ip.Tcp;

/// <summary>
/// Times and limits that all connections have in common (docs/wire/tcp.md §6). Times are in microseconds, the unit of the stack's clock.
/// </summary>
internal static class TcpTimes
{
    public const long Millisecond = 1000;
    public const long Second = 1000 * Millisecond;

    /// <summary>The retransmission time-out before the first sample (RFC 6298 §2).</summary>
    public const long InitialTimeout = Second;

    /// <summary>The time-out for the first data when the SYN was retransmitted and gave no sample (RFC 6298 §5.7).</summary>
    public const long TimeoutAfterLostSyn = 3 * Second;

    /// <summary>
    /// The least time-out. It exceeds the peer's 200 ms, because a DERP path stalls whenever the TCP that carries it retransmits.
    /// </summary>
    public const long MinTimeout = 300 * Millisecond;

    /// <summary>The greatest time-out of the SYN.</summary>
    public const long MaxSynTimeout = 10 * Second;

    /// <summary>The greatest time-out, and the greatest interval of zero-window probes.</summary>
    public const long MaxTimeout = 60 * Second;

    /// <summary>
    /// The greatest time-out after back-off, unless the time-out without back-off is greater. A greater limit would leave a slow path only
    /// two tries before <see cref="UserTimeout"/>.
    /// </summary>
    public const long MaxBackOff = 6 * Second;

    /// <summary>The least time before a tail-loss probe.</summary>
    public const long MinTailProbe = 10 * Millisecond;

    /// <summary>The longest delay of a delayed ACK.</summary>
    public const long DelayedAck = 20 * Millisecond;

    /// <summary>The user time-out: the connection ends when data is unacknowledged for this long. The peer's limit is 15 to 30 s.</summary>
    public const long UserTimeout = 30 * Second;

    /// <summary>The idle time before the first keep-alive probe.</summary>
    public const long KeepAliveIdle = 30 * Second;

    /// <summary>The interval of keep-alive probes.</summary>
    public const long KeepAliveInterval = 10 * Second;

    /// <summary>Number of unanswered keep-alive probes after which the connection ends.</summary>
    public const int KeepAliveProbes = 3;

    /// <summary>The longest time without progress of an orphan, a connection whose stream is disposed.</summary>
    public const long OrphanTimeout = 60 * Second;

    /// <summary>The duration of TIME-WAIT.</summary>
    public const long TimeWait = 5 * Second;

    /// <summary>The least interval of answers to unacceptable segments without data. gVisor has the same limit.</summary>
    public const long OutOfWindowAck = 500 * Millisecond;

    /// <summary>The age after which TS.Recent is invalid (RFC 7323 §5.5).</summary>
    public const long TimestampsExpire = 24L * 24 * 3600 * Second;

    /// <summary>The MSS in bytes: the MTU of 1,280 less 60 bytes of headers without options.</summary>
    public const int MaxSegment = 1220;

    /// <summary>The window scale of this side.</summary>
    public const byte WindowScale = 7;

    /// <summary>The most bytes in flight on one connection.</summary>
    public const int MaxInFlight = 512 * 1024;

    /// <summary>The most ranges of out-of-order data in a receiver. A SACK scoreboard holds twice as many.</summary>
    public const int MaxRanges = 128;

    /// <summary>A deadline that is not set.</summary>
    public const long Never = long.MaxValue;
}
