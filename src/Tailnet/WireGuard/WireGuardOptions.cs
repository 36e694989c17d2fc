namespace Tailnet.WireGuard;

/// <summary>Limits and times that Edge chooses (wireguard.md §4.2, §5). Those of the protocol are constants.</summary>
public sealed record WireGuardOptions
{
    /// <summary>The delay of the first retransmission of an initiation while there is no session. Default 100 ms.</summary>
    public TimeSpan FirstRetry { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>The same delay after the peer was reported ready. Default 25 ms.</summary>
    public TimeSpan ReadyRetry { get; init; } = TimeSpan.FromMilliseconds(25);

    /// <summary>Time without a packet in either direction after which a peer in use gets a keep-alive. Default 25 s.</summary>
    public TimeSpan PersistentKeepAlive { get; init; } = TimeSpan.FromSeconds(25);

    /// <summary>Packets of one peer that wait for a session. At the limit, the oldest is dropped. Default 32.</summary>
    public int MaxQueuedPackets { get; init; } = 32;

    /// <summary>Bytes of the packets of one peer that wait for a session. Default 48 KiB.</summary>
    public int MaxQueuedBytes { get; init; } = 48 * 1024;

    /// <summary>Initiations of one peer that are answered per second. Default 1.</summary>
    public int HandshakesPerSecond { get; init; } = 1;

    /// <summary>Initiations of one peer that are answered in a burst. Default 4.</summary>
    public int HandshakeBurst { get; init; } = 4;

    /// <summary>Initiations of all peers that are answered per second. Default 200.</summary>
    public int NodeHandshakesPerSecond { get; init; } = 200;

    /// <summary>Messages sent in a session after which the sender rekeys. Only tests lower it.</summary>
    internal ulong RekeyAfterMessages { get; init; } = 1UL << 60;

    /// <summary>Messages sent in a session after which it ends. Only tests lower it.</summary>
    internal ulong RejectAfterMessages { get; init; } = ulong.MaxValue - (1UL << 13);
}
