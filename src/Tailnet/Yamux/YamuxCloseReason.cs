namespace Tailnet.Yamux;

/// <summary>Why a yamux session ended; also the metric label and the log field.</summary>
public enum YamuxCloseReason
{
    /// <summary>It has not ended.</summary>
    None = 0,

    /// <summary>This side ended it: by cancellation or <see cref="YamuxSession.Close"/>.</summary>
    LocalClose,

    /// <summary>The peer ended its byte stream between two frames.</summary>
    PeerClose,

    /// <summary>The byte stream failed, or ended inside a frame.</summary>
    TransportFailed,

    /// <summary>The peer broke the protocol: unknown version, type or flags, or a stream opened wrongly. Answered by go-away 1.</summary>
    ProtocolError,

    /// <summary>The peer sent more than a stream's window allows. Answered by go-away 1.</summary>
    WindowOverrun,

    /// <summary>The peer made this side owe it more answers (pings, refused streams) than it reads. Answered by go-away 1.</summary>
    ControlFlood,

    /// <summary>Unread bytes of all streams together passed the session's limit. Answered by go-away 2.</summary>
    ReceiveLimit,

    /// <summary>The peer did not answer the keep-alive ping in time.</summary>
    KeepAliveTimeout,

    /// <summary>The byte stream took nothing for too long.</summary>
    WriteTimeout,

    /// <summary>The peer left an opened stream unaccepted for too long.</summary>
    OpenTimeout,

    /// <summary>The peer said go-away with a protocol error, or with a code that is unknown.</summary>
    PeerProtocolError,

    /// <summary>The peer said go-away with an internal error.</summary>
    PeerInternalError,

    /// <summary>A fault of this program, which is in the log. Answered by go-away 2.</summary>
    InternalError,
}
