namespace Tailnet.Ip.Tcp;

/// <summary>
/// A TCP connection to an agent. One read and one write may be pending at a time. When the connection has failed, they throw
/// <see cref="TcpException"/>. Disposal sends a FIN after the last byte, or an RST when data is unread.
/// </summary>
public abstract class AgentStream : Stream
{
    /// <summary>
    /// Whether the continuations of pending reads and writes run on the thread that processes the packets, and not on the thread pool. This
    /// saves a thread switch for each message of a terminal. A continuation that blocks then blocks the connections of all agents.
    /// </summary>
    public abstract bool RunsInline { get; set; }

    /// <summary>Sends a FIN after the last byte. The agent can still send.</summary>
    /// <exception cref="InvalidOperationException">A write is pending.</exception>
    public abstract void CompleteWrites();

    /// <summary>Ends the connection by RST. Unsent and unread data is lost.</summary>
    public abstract void Abort();
}
