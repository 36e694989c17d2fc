namespace Tailnet.WireGuard;

/// <summary>Why a message was dropped; a closed set, which is also the metric label.</summary>
public enum DropReason
{
    /// <summary>It was not dropped.</summary>
    None,

    /// <summary>It has an unknown kind, or a length that its kind does not have.</summary>
    Malformed,

    /// <summary>Its first MAC was not made for our key.</summary>
    BadMac,

    /// <summary>The peer, or all peers together, began more handshakes than are answered; or too many responses were forged.</summary>
    RateLimited,

    /// <summary>A public key in it gives no secret, or its static key is not the peer's.</summary>
    BadKey,

    /// <summary>It is not authentic.</summary>
    BadAead,

    /// <summary>An initiation is not newer than the last one: a replay, or a duplicate.</summary>
    OldTimestamp,

    /// <summary>No session and no handshake has its receiver index.</summary>
    UnknownSession,

    /// <summary>Its session has reached its limit of time or of messages.</summary>
    OldSession,

    /// <summary>Its counter was seen before, or is too old to tell.</summary>
    Replay,

    /// <summary>The packet inside is not IPv6, or is longer than the message.</summary>
    BadPacket,
}

/// <summary>The words for <see cref="DropReason"/> in metrics.</summary>
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
