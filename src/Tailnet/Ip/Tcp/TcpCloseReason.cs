namespace Tailnet.Ip.Tcp;

/// <summary>Why a TCP connection ended. The name is also the metric label and the log field.</summary>
public enum TcpCloseReason
{
    /// <summary>The connection has not ended.</summary>
    None = 0,

    /// <summary>Both sides have sent everything and closed.</summary>
    Completed,

    /// <summary>This side aborted the connection, or closed it with data unread.</summary>
    LocalAbort,

    /// <summary>The peer answered the SYN with an RST: nothing listens on the port.</summary>
    Refused,

    /// <summary>The peer answered the SYN with an ICMPv6 error.</summary>
    Unreachable,

    /// <summary>The peer did not answer the SYN in time.</summary>
    ConnectTimeout,

    /// <summary>The peer ended the connection with an RST.</summary>
    Reset,

    /// <summary>The peer acknowledged nothing for 30 seconds while data was in flight.</summary>
    SendTimeout,

    /// <summary>The peer did not answer the keep-alive probes.</summary>
    KeepAliveTimeout,

    /// <summary>The connection was disposed, and made no progress for 60 seconds.</summary>
    CloseTimeout,

    /// <summary>The owner ended the connection: the agent has disconnected.</summary>
    AgentGone,

    /// <summary>The owner ended the connection: the agent has restarted with another key.</summary>
    AgentRestarted,

    /// <summary>The owner ended the connection: the agent does not answer.</summary>
    AgentLost,

    /// <summary>The owner ended the connection: the process stops.</summary>
    Stopping,
}
