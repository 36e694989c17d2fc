namespace Relay.Streams;

/// <summary>Settings of the connections to API servers.</summary>
public sealed record SocketTransportOptions
{
    /// <summary>The read buffer that is taken from the shared pool once bytes are there, in bytes. Default 32 KiB.</summary>
    public int ReadBufferSize { get; init; } = 32 * 1024;

    /// <summary>Silence after which TCP asks whether the peer is still there. Whole seconds; default 15 s.</summary>
    public TimeSpan KeepAliveTime { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Time between those probes. Whole seconds; default 5 s.</summary>
    public TimeSpan KeepAliveInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Probes without an answer that end the connection. Default 3.</summary>
    public int KeepAliveProbes { get; init; } = 3;

    /// <summary>
    /// How long sent bytes may stay unacknowledged (TCP_USER_TIMEOUT; Linux only). The kernel counts the time in which the peer keeps its
    /// window shut as well, though it answers. Zero leaves it to the kernel, which takes about 15 minutes. Default 35 s.
    /// </summary>
    public TimeSpan UserTimeout { get; init; } = TimeSpan.FromSeconds(35);
}
