namespace Tailnet.Yamux;

/// <summary>Limits and times of a yamux session. The defaults are those of the clients in the field. Times are looked at once a second.</summary>
public sealed record YamuxOptions
{
    /// <summary>The window every stream begins with in both directions, in bytes; fixed by the protocol.</summary>
    public const int InitialWindow = 256 * 1024;

    /// <summary>Streams the peer opened that the application has not accepted yet; more are reset. Default 256.</summary>
    public int Backlog { get; init; } = 256;

    /// <summary>Streams alive at a time, whoever opened them; more of the peer's are reset. Default 1,024.</summary>
    public int MaxStreams { get; init; } = 1024;

    /// <summary>Opens of this side that the peer has not accepted yet; further opens wait. Default 256.</summary>
    public int MaxPendingOpens { get; init; } = 256;

    /// <summary>Unread bytes of all streams together; more end the session. Default 16 MiB.</summary>
    public long MaxUnreadBytes { get; init; } = 16 * 1024 * 1024;

    /// <summary>Answers owed to the peer (ping answers, resets of refused streams) that it has not taken; more end the session. Default 512.</summary>
    public int MaxPendingControl { get; init; } = 512;

    /// <summary>The largest body of a data frame that this side sends, in bytes: one stream's turn. Default 68 KiB, a whole dRPC frame.</summary>
    public int MaxFrameLength { get; init; } = 68 * 1024;

    /// <summary>Bytes of one stream that wait to be sent before its writer is held back. Default 64 KiB.</summary>
    public int SendBuffer { get; init; } = 64 * 1024;

    /// <summary>Time between keep-alive pings. Default 30 s.</summary>
    public TimeSpan KeepAlive { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Time for the answer to a keep-alive ping, and for any write to drain. Default 10 s.</summary>
    public TimeSpan AnswerTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Time for the peer to accept a stream that this side opened. Default 75 s.</summary>
    public TimeSpan OpenTimeout { get; init; } = TimeSpan.FromSeconds(75);

    /// <summary>Time for the peer to close its half after this side closed the other; then the stream is reset. Default 5 min.</summary>
    public TimeSpan HalfCloseTimeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// Whoever has something to send sends it, on its own thread, and readers of streams go on where their bytes came in. It saves two changes of
    /// threads for each message; but a reader that blocks then blocks the session, pings included, and whoever writes to a stream must hold no lock.
    /// Default false.
    /// </summary>
    public bool RunsInline { get; init; }
}
