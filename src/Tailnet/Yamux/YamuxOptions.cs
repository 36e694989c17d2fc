namespace Tailnet.Yamux;

/// <summary>The limits and times of a yamux session. The defaults are those of existing clients. Times are exact to a second.</summary>
public sealed record YamuxOptions
{
    /// <summary>The initial window of every stream in both directions, in bytes; the protocol fixes it.</summary>
    public const int InitialWindow = 256 * 1024;

    /// <summary>The most streams of the peer that the application has not accepted yet. Further ones are reset. Default 256.</summary>
    public int Backlog { get; init; } = 256;

    /// <summary>The most open streams of both sides. Further streams of the peer are reset. Default 1,024.</summary>
    public int MaxStreams { get; init; } = 1024;

    /// <summary>The most streams of this side that the peer has not accepted yet. Further opens wait. Default 256.</summary>
    public int MaxPendingOpens { get; init; } = 256;

    /// <summary>The most unread bytes of all streams together. More end the session. Default 16 MiB.</summary>
    public long MaxUnreadBytes { get; init; } = 16 * 1024 * 1024;

    /// <summary>
    /// The most unsent answers to the peer (ping answers, resets of refused streams). More end the session. Default 512.
    /// </summary>
    public int MaxPendingControl { get; init; } = 512;

    /// <summary>
    /// The largest body of a sent data frame in bytes, which is one turn of a stream. Default 68 KiB, a whole dRPC frame.
    /// </summary>
    public int MaxFrameLength { get; init; } = 68 * 1024;

    /// <summary>The most unsent bytes of one stream before its writer's flushes wait. Default 64 KiB.</summary>
    public int SendBuffer { get; init; } = 64 * 1024;

    /// <summary>The time between keep-alive pings. Default 30 s.</summary>
    public TimeSpan KeepAlive { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The time limit for the answer to a keep-alive ping, and for any flush of the transport. Default 10 s.</summary>
    public TimeSpan AnswerTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The time limit for the peer to accept a stream of this side. Default 75 s.</summary>
    public TimeSpan OpenTimeout { get; init; } = TimeSpan.FromSeconds(75);

    /// <summary>
    /// The time limit for the peer to close its half after this side has closed its own. Then the stream is reset. Default 5 min.
    /// </summary>
    public TimeSpan HalfCloseTimeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// Whether writes run the session's write loop on the caller's thread, and reads of streams complete on the thread that received the
    /// bytes. That saves two thread switches for each message. But then a blocking reader blocks the whole session, including pings, and a
    /// caller must hold no lock while it writes to a stream. Default false.
    /// </summary>
    public bool RunsInline { get; init; }
}
