namespace Tailnet.Yamux;

/// <summary>Why a yamux session ended; it is also the metric label and the log field.</summary>
public enum YamuxCloseReason
{
    /// <summary>The session has not ended.</summary>
    None = 0,

    /// <summary>This side ended the session, by a cancellation or <see cref="YamuxSession.Close"/>.</summary>
    LocalClose,

    /// <summary>The peer ended its byte stream between two frames.</summary>
    PeerClose,

    /// <summary>The byte stream failed, or ended within a frame.</summary>
    TransportFailed,

    /// <summary>The peer violated the protocol: unknown version, type or flags, or a wrong stream id. Answered by go-away 1.</summary>
    ProtocolError,

    /// <summary>The peer sent more bytes than a stream's window allows. Answered by go-away 1.</summary>
    WindowOverrun,

    /// <summary>The peer requested more answers (pings, refused streams) than it reads. Answered by go-away 1.</summary>
    ControlFlood,

    /// <summary>The unread bytes of all streams were over <see cref="YamuxOptions.MaxUnreadBytes"/>. Answered by go-away 2.</summary>
    ReceiveLimit,

    /// <summary>The peer did not answer the keep-alive ping in time.</summary>
    KeepAliveTimeout,

    /// <summary>The byte stream accepted no bytes for <see cref="YamuxOptions.AnswerTimeout"/>.</summary>
    WriteTimeout,

    /// <summary>The peer did not accept a stream for <see cref="YamuxOptions.OpenTimeout"/>.</summary>
    OpenTimeout,

    /// <summary>The peer sent go-away with a protocol error or an unknown code.</summary>
    PeerProtocolError,

    /// <summary>The peer sent go-away with an internal error.</summary>
    PeerInternalError,

    /// <summary>An unexpected exception in this program, which is logged. Answered by go-away 2.</summary>
    InternalError,
}
