namespace Tailnet.Ip.Tcp;

/// <summary>Why a TCP connection ended; also the metric label and the log field.</summary>
public enum TcpCloseReason
{
    /// <summary>It has not ended.</summary>
    None = 0,

    /// <summary>Both sides have sent everything and closed.</summary>
    Completed,

    /// <summary>This side aborted it, or closed it with data unread.</summary>
    LocalAbort,

    /// <summary>The peer answered the SYN by RST: nothing listens on the port.</summary>
    Refused,

    /// <summary>The peer answered the SYN by an ICMPv6 error.</summary>
    Unreachable,

    /// <summary>The peer did not answer the SYN in time.</summary>
    ConnectTimeout,

    /// <summary>The peer ended the connection by RST.</summary>
    Reset,

    /// <summary>The peer acknowledged nothing for too long while data was on its way.</summary>
    SendTimeout,

    /// <summary>The peer did not answer the keep-alive probes.</summary>
    KeepAliveTimeout,

    /// <summary>The peer did not close its half in time after this side was closed for good.</summary>
    CloseTimeout,

    /// <summary>The owner ended it: the agent has disconnected.</summary>
    AgentGone,

    /// <summary>The owner ended it: the agent has started again with another key.</summary>
    AgentRestarted,

    /// <summary>The owner ended it: the agent does not answer.</summary>
    AgentLost,

    /// <summary>The owner ended it: the process stops.</summary>
    Stopping,
}
