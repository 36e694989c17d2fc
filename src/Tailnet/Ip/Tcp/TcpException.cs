namespace Tailnet.Ip.Tcp;

/// <summary>A read, write or connect failed because the TCP connection has ended.</summary>
/// <param name="reason">Why it ended.</param>
public sealed class TcpException(TcpCloseReason reason) : IOException($"The connection has ended: {reason}.")
{
    /// <summary>Why the connection ended.</summary>
    public TcpCloseReason Reason { get; } = reason;
}
