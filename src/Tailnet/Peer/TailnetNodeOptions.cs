namespace Tailnet.Peer;

/// <summary>Limits and times of a tailnet node.</summary>
public sealed record TailnetNodeOptions
{
    /// <summary>Limits and times of the agents' connections.</summary>
    public TailnetStackOptions Stack { get; init; } = new();

    /// <summary>The first wait before the coordination begins again after its end; it doubles with each attempt. Default 50 ms.</summary>
    public TimeSpan FirstReconnect { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>The longest wait before the coordination begins again. Default 10 s.</summary>
    public TimeSpan LastReconnect { get; init; } = TimeSpan.FromSeconds(10);
}
