namespace Relay.Streams.Resumption;

/// <summary>The times of a terminal's change to another API server.</summary>
public sealed record ResumeOptions
{
    /// <summary>How long a client waits for a server before the relay closes it with 1012. Default 30 s.</summary>
    public TimeSpan Limit { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The pause before the first attempt; each further pause is twice as long, ± 25 %. Default 100 ms.</summary>
    public TimeSpan FirstPause { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>The longest pause between two attempts, ± 25 %. Default 750 ms.</summary>
    public TimeSpan LongestPause { get; init; } = TimeSpan.FromMilliseconds(750);

    /// <summary>How long a server must have been attached for its loss to count as a new outage with a new limit. Default 5 s.</summary>
    public TimeSpan Settled { get; init; } = TimeSpan.FromSeconds(5);
}
