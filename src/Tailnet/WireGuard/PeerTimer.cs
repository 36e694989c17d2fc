namespace Tailnet.WireGuard;

/// <summary>What a peer may wait for (wireguard.md §4).</summary>
internal enum PeerTimer
{
    /// <summary>The next initiation, or the end of the tries.</summary>
    Handshake,

    /// <summary>An empty packet is due, as data was received and nothing was sent since.</summary>
    KeepAlive,

    /// <summary>Data was sent and nothing came back.</summary>
    NoAnswer,

    /// <summary>An empty packet is due, as no packet went either way.</summary>
    Persistent,

    /// <summary>All keys are erased.</summary>
    Erase,
}
