namespace Tailnet.WireGuard;

/// <summary>The timers of a peer (wireguard.md §4.1).</summary>
internal enum PeerTimer
{
    /// <summary>The next initiation, or the end of the handshake.</summary>
    Handshake,

    /// <summary>The passive keep-alive, after data was received and nothing was sent.</summary>
    KeepAlive,

    /// <summary>The new handshake, after data was sent and nothing was received.</summary>
    NoAnswer,

    /// <summary>The persistent keep-alive, after no packet was sent or received.</summary>
    Persistent,

    /// <summary>The erasure of all session keys.</summary>
    Erase,
}
