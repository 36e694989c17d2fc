namespace Relay.Streams.Resumption;

/// <summary>Times of a terminal's change to another API server.</summary>
public sealed record ResumeOptions
{
    /// <summary>How long a client waits for a server before it is closed with 1012. Default 30 s.</summary>
    public TimeSpan Limit { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The pause before the first try; each one after it is twice as long, give or take a quarter. Default 100 ms.</summary>
    public TimeSpan FirstPause { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>The longest pause between two tries, give or take a quarter. Default 750 ms.</summary>
    public TimeSpan LongestPause { get; init; } = TimeSpan.FromMilliseconds(750);

    /// <summary>How long a server must have been there for its loss to count as a new outage, with times of its own. Default 5 s.</summary>
    public TimeSpan Settled { get; init; } = TimeSpan.FromSeconds(5);
}
