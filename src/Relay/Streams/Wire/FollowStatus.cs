namespace Relay.Streams.Wire;

/// <summary>The result of <see cref="WebSocketFrameFollower.Advance(ReadOnlySpan{byte})"/>.</summary>
public enum FollowStatus
{
    /// <summary>The bytes are frames, or parts of frames.</summary>
    Ok = 0,

    /// <summary>The bytes violate the framing of RFC 6455 §5.2; no later frame boundary can be found.</summary>
    ProtocolError,
}
