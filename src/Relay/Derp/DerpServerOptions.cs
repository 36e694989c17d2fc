namespace Relay.Derp;

/// <summary>The limits and times of a DERP server. All have defaults.</summary>
public sealed class DerpServerOptions
{
    /// <summary>The time limit of each of the two halves of the handshake (derp.md §1.8). Default 10 s.</summary>
    public TimeSpan HandshakeTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>The time between keep-alives. Clients disconnect after 120 s of silence. Default 60 s.</summary>
    public TimeSpan KeepAlive { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>The maximum of the random time that is added to <see cref="KeepAlive"/>. Default 5 s.</summary>
    public TimeSpan KeepAliveJitter { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>The silence after which the server pings a client that can acknowledge pings. Default 60 s.</summary>
    public TimeSpan PingAfter { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>The silence after such a ping that closes the connection. Default 15 s.</summary>
    public TimeSpan PingTimeout { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>How long a client may read nothing while bytes wait for it. Default 2 s; zero for no limit.</summary>
    public TimeSpan WriteTimeout { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>How long a mesh peer may read nothing while bytes wait for it. Default 30 s; zero for no limit.</summary>
    public TimeSpan MeshWriteTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How long bytes may stay unacknowledged by a client's TCP before the connection ends (RFC 5482). Default 15 s, as derper's; zero for
    /// the system's own limit, about 15 minutes.
    /// </summary>
    public TimeSpan TcpUserTimeout { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>The most packets of one sender and kind in a receiver's queue; one more drops the oldest. Default 128.</summary>
    public int QueueDepth { get; set; } = 128;

    /// <summary>
    /// The most bytes of memory of one receiver's queue, including the rest of the frame that is being sent. Default 2 MiB; at least 160
    /// KiB, which is two of the longest frames.
    /// </summary>
    public int QueueBytes { get; set; } = 2 * 1024 * 1024;

    /// <summary>
    /// The most bytes of memory of all receivers' queues. Default a quarter of the available memory. Above this limit only the rests of
    /// frames that are being sent are stored, one for each receiver at most, and nothing else waits for those receivers then.
    /// </summary>
    public long QueueBytesTotal { get; set; } = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4;

    /// <summary>The most packets of one sender and kind in the queue of one mesh link. Default 1024.</summary>
    public int MeshQueueDepth { get; set; } = 1024;

    /// <summary>The most bytes of memory of the queue of one mesh link. Default 8 MiB.</summary>
    public int MeshQueueBytes { get; set; } = 8 * 1024 * 1024;

    /// <summary>The longest time between two attempts to connect to a mesh peer; the first ones are closer. Default 5 s.</summary>
    public TimeSpan MeshRetry { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>The most open connections. Default 0: no limit.</summary>
    public int MaxConnections { get; set; }

    /// <summary>The most open connections of one IPv4 address or IPv6 /64. Default 0: no limit.</summary>
    public int MaxConnectionsPerAddress { get; set; }

    /// <summary>The most open connections of one key. Default 0: no limit.</summary>
    public int MaxConnectionsPerKey { get; set; }
}
