namespace Relay.Streams;

/// <summary>Times of the stream relay.</summary>
public sealed record StreamRelayOptions
{
    /// <summary>
    /// The grace period of a drain: how long a closing stream may wait for a frame boundary, a blocked peer or the peer's own close frame.
    /// Default 1 s.
    /// </summary>
    public TimeSpan CloseGrace { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long the connections may stay open after both close frames. Then the relay resets them. Default 10 s.</summary>
    public TimeSpan CloseLinger { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// The period of the relay's one timer. The times above, and the detection of a reset peer that is not read from, are exact to this
    /// period. Default 250 ms.
    /// </summary>
    public TimeSpan Heartbeat { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>
    /// The time between two checks whether a stream's peers still acknowledge. A vanished peer is found 30 s to 36 s after it vanished.
    /// Default 4 s.
    /// </summary>
    public TimeSpan LivenessPeriod { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>
    /// How long a peer may read nothing of the rest after the other side has ended. A peer may pause without a limit while the other side
    /// is still connected. Checked every <see cref="LivenessPeriod"/>. Default 30 s.
    /// </summary>
    public TimeSpan StalledReader { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The most bytes that the relay forwards of one read before it waits for the flush. Default 128 KiB.</summary>
    public int MaxBatchBytes { get; init; } = 128 * 1024;

    /// <summary>The reason in the close frame (code 1001) of a drain; at most 123 bytes of UTF-8.</summary>
    public string DrainReason { get; init; } = "server is shutting down";
}
