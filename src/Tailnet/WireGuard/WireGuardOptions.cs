namespace Tailnet.WireGuard;

/// <summary>Bounds and times that are Edge's choice (wireguard.md §5). Those of the protocol are constants.</summary>
public sealed record WireGuardOptions
{
    /// <summary>The first wait for a response while there is no session. Default 100 ms.</summary>
    public TimeSpan FirstRetry { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>The same after the peer was said to be ready. Default 25 ms.</summary>
    public TimeSpan ReadyRetry { get; init; } = TimeSpan.FromMilliseconds(25);

    /// <summary>Time without a packet in either direction, after which an empty one is sent to a peer in use. Default 25 s.</summary>
    public TimeSpan PersistentKeepAlive { get; init; } = TimeSpan.FromSeconds(25);

    /// <summary>Packets that wait for a session, for each peer; the oldest goes for a new one. Default 32.</summary>
    public int MaxQueuedPackets { get; init; } = 32;

    /// <summary>Bytes of the packets that wait, for each peer. Default 48 KiB.</summary>
    public int MaxQueuedBytes { get; init; } = 48 * 1024;

    /// <summary>Initiations of one peer that are answered in a second. Default 1.</summary>
    public int HandshakesPerSecond { get; init; } = 1;

    /// <summary>Initiations of one peer that are answered at once, after a rest. Default 4.</summary>
    public int HandshakeBurst { get; init; } = 4;

    /// <summary>Initiations of all peers that are answered in a second. Default 200.</summary>
    public int NodeHandshakesPerSecond { get; init; } = 200;

    /// <summary>Messages of a session after which its sender begins another one; only tests lower it.</summary>
    internal ulong RekeyAfterMessages { get; init; } = 1UL << 60;

    /// <summary>Messages of a session after which it ends; only tests lower it.</summary>
    internal ulong RejectAfterMessages { get; init; } = ulong.MaxValue - (1UL << 13);
}
