namespace Tailnet.Ip.Tcp;

/// <summary>
/// The states of RFC 9293 §3.3.2 that a client needs. LISTEN and SYN-RECEIVED are missing, because the stack neither listens nor supports a
/// simultaneous open. TIME-WAIT is not a state of a connection, but an entry of <see cref="TimeWaitTable"/>.
/// </summary>
internal enum TcpState
{
    /// <summary>The SYN is queued or sent, and not answered.</summary>
    SynSent,

    /// <summary>Both sides may send.</summary>
    Established,

    /// <summary>This side's FIN is queued or sent, and not acknowledged.</summary>
    FinWait1,

    /// <summary>This side's FIN is acknowledged; the peer may send.</summary>
    FinWait2,

    /// <summary>The peer's FIN is received; this side may send.</summary>
    CloseWait,

    /// <summary>The FINs of both sides have crossed; this side's FIN is not acknowledged.</summary>
    Closing,

    /// <summary>The peer's FIN was received first; this side's FIN is queued or sent, and not acknowledged.</summary>
    LastAck,

    /// <summary>The connection has ended.</summary>
    Closed,
}
