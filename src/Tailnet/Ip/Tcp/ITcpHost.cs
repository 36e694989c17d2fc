using Tailnet.Ip.Wire;

namespace Tailnet.Ip.Tcp;

/// <summary>The host of connections, as they see it. Everything is called under the lock.</summary>
internal interface ITcpHost
{
    /// <summary>What connections of the shard share.</summary>
    TcpContext Context { get; }

    /// <summary>This side's address.</summary>
    Ipv6Address Address { get; }

    /// <summary>Bytes of new data that the connections to this agent may still have in flight.</summary>
    long Allowance { get; }

    /// <summary>The bytes in flight of a connection have changed.</summary>
    void FlightChanged(long by);

    /// <summary>A connection has something to send.</summary>
    void Ready(TcpConnection connection);

    /// <summary>A connection has data that the agent's share of the path does not allow now.</summary>
    void AwaitAllowance(TcpConnection connection);

    /// <summary>A connection is to be called at a time.</summary>
    void Schedule(long deadline);

    /// <summary>A connection has ended. Its port rests when the peer may repeat its FIN.</summary>
    void Ended(TcpConnection connection, bool rests);

    /// <summary>Answers a segment by RST.</summary>
    void Refuse(in TcpSegment segment, in Ipv6Address remote, long now);

    /// <summary>Reads and writes have changed what is to be sent. Called without the lock.</summary>
    void Wake();
}
