namespace Tailnet.WireGuard;

/// <summary>Why a message was dropped; a closed set, which is also the metric label.</summary>
public enum DropReason
{
    /// <summary>The message was not dropped.</summary>
    None,

    /// <summary>The message has an unknown kind, or a wrong length for its kind.</summary>
    Malformed,

    /// <summary>The first MAC (mac1) was not made for the key of this node.</summary>
    BadMac,

    /// <summary>The peer, or all peers together, sent too many initiations; or too many responses to an initiation were forged.</summary>
    RateLimited,

    /// <summary>A public key in the message gives no shared secret, or the static key is not the peer's.</summary>
    BadKey,

    /// <summary>An AEAD tag is wrong.</summary>
    BadAead,

    /// <summary>The timestamp of the initiation is not later than the last one: a replay, or a duplicate.</summary>
    OldTimestamp,

    /// <summary>No session and no handshake has the receiver index.</summary>
    UnknownSession,

    /// <summary>The session has expired by age or by number of messages.</summary>
    OldSession,

    /// <summary>The counter was received before, or is older than the replay window.</summary>
    Replay,

    /// <summary>The inner packet is not IPv6, or is longer than the message.</summary>
    BadPacket,
}

/// <summary>The metric labels of <see cref="DropReason"/>.</summary>
public static class DropReasons
{
    /// <summary>The reason as a metric label.</summary>
    /// <param name="reason">A reason.</param>
    public static string Label(this DropReason reason) => reason switch
    {
        DropReason.None => "none",
        DropReason.Malformed => "malformed",
        DropReason.BadMac => "bad_mac",
        DropReason.RateLimited => "rate_limited",
        DropReason.BadKey => "bad_key",
        DropReason.BadAead => "bad_aead",
        DropReason.OldTimestamp => "old_timestamp",
        DropReason.UnknownSession => "unknown_session",
        DropReason.OldSession => "old_session",
        DropReason.Replay => "replay",
        DropReason.BadPacket => "bad_packet",
        _ => throw new ArgumentOutOfRangeException(nameof(reason), reason, "not a reason"),
    };
}
