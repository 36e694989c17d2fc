namespace Tailnet.Ip.Tcp;

/// <summary>
/// The states of RFC 9293 §3.3.2 that a client has. LISTEN and SYN-RECEIVED are not there, because nothing listens and a simultaneous open
/// is not supported; TIME-WAIT has no connection, only an entry in the host's table.
/// </summary>
internal enum TcpState
{
    /// <summary>The SYN is sent.</summary>
    SynSent,

    /// <summary>Both sides may send.</summary>
    Established,

    /// <summary>This side's FIN is queued or sent, and not acknowledged.</summary>
    FinWait1,

    /// <summary>This side's FIN is acknowledged; the peer may send.</summary>
    FinWait2,

    /// <summary>The peer's FIN has come; this side may send.</summary>
    CloseWait,

    /// <summary>Both FINs have crossed; this side's is not acknowledged.</summary>
    Closing,

    /// <summary>The peer's FIN came first; this side's is queued or sent, and not acknowledged.</summary>
    LastAck,

    /// <summary>The connection has ended.</summary>
    Closed,
}
