namespace Relay.Streams.Wire;

/// <summary>What following a piece of a WebSocket byte stream came to.</summary>
public enum FollowStatus
{
    /// <summary>The bytes are frames, or parts of frames.</summary>
    Ok = 0,

    /// <summary>The bytes break the framing of RFC 6455 §5.2, so no later frame boundary can be known.</summary>
    ProtocolError,
}
