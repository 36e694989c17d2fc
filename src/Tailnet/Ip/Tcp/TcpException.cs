namespace Tailnet.Ip.Tcp;

/// <summary>A TCP connection cannot be used any more.</summary>
/// <param name="reason">Why it ended.</param>
public sealed class TcpException(TcpCloseReason reason) : IOException($"The connection has ended: {reason}.")
{
    /// <summary>Why the connection ended.</summary>
    public TcpCloseReason Reason { get; } = reason;
}
