namespace Relay.Streams;

/// <summary>Times of the stream relay.</summary>
public sealed record StreamRelayOptions
{
    /// <summary>How long a closing stream may wait for a frame boundary, a blocked peer or the peer's own close. Default 1 s.</summary>
    public TimeSpan CloseGrace { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long the connections may stay open after both close frames passed; then they are reset. Default 10 s.</summary>
    public TimeSpan CloseLinger { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How often the one timer of the relay looks at its streams; the exactness of the times above, and of noticing that a peer vanished
    /// while nobody could read from it. Default 250 ms.
    /// </summary>
    public TimeSpan Heartbeat { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>
    /// How often each stream's two peers are looked at, whether they still acknowledge; they are found 30 s to 36 s after they vanished.
    /// Default 4 s.
    /// </summary>
    public TimeSpan LivenessPeriod { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>
    /// How long a peer may take nothing of what the other side left behind when it ended. A peer may pause for as long as it likes while
    /// the other side waits for it. Looked at every <see cref="LivenessPeriod"/>. Default 30 s.
    /// </summary>
    public TimeSpan StalledReader { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The most that one read hands on before it waits for the flush, in bytes. Default 128 KiB.</summary>
    public int MaxBatchBytes { get; init; } = 128 * 1024;

    /// <summary>The reason in the close frame (code 1001) of a drain; at most 123 bytes of UTF-8.</summary>
    public string DrainReason { get; init; } = "server is shutting down";
}
