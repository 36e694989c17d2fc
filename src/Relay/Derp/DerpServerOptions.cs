namespace Relay.Derp;

/// <summary>What a DERP server allows. All have defaults.</summary>
public sealed class DerpServerOptions
{
    /// <summary>Time for each of the two halves of the handshake. Default 10 s.</summary>
    public TimeSpan HandshakeTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Time between keep-alives; clients give up after 120 s of silence. Default 60 s.</summary>
    public TimeSpan KeepAlive { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>The most that is added to <see cref="KeepAlive"/>, drawn for each connection. Default 5 s.</summary>
    public TimeSpan KeepAliveJitter { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Silence after which a client that can acknowledge pings is pinged. Default 60 s.</summary>
    public TimeSpan PingAfter { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>Silence after such a ping that closes the connection. Default 15 s.</summary>
    public TimeSpan PingTimeout { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>Time that a client may take no bytes while some wait for it. Default 2 s; zero for no bound.</summary>
    public TimeSpan WriteTimeout { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>The same for mesh peers. Default 30 s.</summary>
    public TimeSpan MeshWriteTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Time after which bytes that a client's TCP does not acknowledge end the connection (RFC 5482). Default 15 s, as derper's; zero for
    /// the system's own limit, about 15 minutes.
    /// </summary>
    public TimeSpan TcpUserTimeout { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>Packets of one sender and kind that wait for one receiver; the oldest goes when there is one more. Default 128.</summary>
    public int QueueDepth { get; set; } = 128;

    /// <summary>
    /// Bytes of memory in which packets wait for one receiver, the rest of the one that is being sent included. Default 2 MiB; at least
    /// 160 KiB, which is two of the longest frames.
    /// </summary>
    public int QueueBytes { get; set; } = 2 * 1024 * 1024;

    /// <summary>
    /// Bytes of memory in which packets wait for all receivers. Default a quarter of the memory there is. Above it only the rests of
    /// frames that are being sent are kept, one for each receiver at most, and nothing else waits for those receivers then.
    /// </summary>
    public long QueueBytesTotal { get; set; } = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4;

    /// <summary>Packets of one sender and kind that wait for one mesh link. Default 1024.</summary>
    public int MeshQueueDepth { get; set; } = 1024;

    /// <summary>Bytes of memory in which packets wait for one mesh link. Default 8 MiB.</summary>
    public int MeshQueueBytes { get; set; } = 8 * 1024 * 1024;

    /// <summary>The most time between attempts to connect to a mesh peer; the first come sooner. Default 5 s.</summary>
    public TimeSpan MeshRetry { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Connections at once; 0 for no bound, which is the default.</summary>
    public int MaxConnections { get; set; }

    /// <summary>Connections at once from one IPv4 address or IPv6 /64; 0 for no bound, which is the default.</summary>
    public int MaxConnectionsPerAddress { get; set; }

    /// <summary>Connections at once of one key; 0 for no bound, which is the default.</summary>
    public int MaxConnectionsPerKey { get; set; }
}
