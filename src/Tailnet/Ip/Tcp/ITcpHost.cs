using Tailnet.Ip.Wire;

namespace Tailnet.Ip.Tcp;

/// <summary>What a connection needs of its host. All members are called under the lock, except <see cref="Wake"/>.</summary>
internal interface ITcpHost
{
    /// <summary>The lock, clock, memory and counters of the stack.</summary>
    TcpContext Context { get; }

    /// <summary>This side's address.</summary>
    Ipv6Address Address { get; }

    /// <summary>The agent's limit of bytes in flight less the bytes that all its connections have in flight.</summary>
    long Allowance { get; }

    /// <summary>Adds to the bytes that the agent's connections have in flight.</summary>
    void FlightChanged(long delta);

    /// <summary>Queues a connection for its turn of sending.</summary>
    void Ready(TcpConnection connection);

    /// <summary>Queues a connection with unsent data until <see cref="Allowance"/> has room for a segment.</summary>
    void AwaitAllowance(TcpConnection connection);

    /// <summary>Makes the host call <see cref="TcpConnection.Tick"/> at a time of the stack's clock, in microseconds.</summary>
    void Schedule(long deadline);

    /// <summary>Removes a closed connection. Its port stays in TIME-WAIT when the peer may retransmit its FIN.</summary>
    void Ended(TcpConnection connection, bool timeWait);

    /// <summary>Answers a segment with an RST, within the rate limit.</summary>
    void Refuse(in TcpSegment segment, in Ipv6Address remote, long now);

    /// <summary>Tells the owner that a read or a write has made something to send. The stream calls it without the lock.</summary>
    void Wake();
}
