namespace Tailnet.Peer;

/// <summary>Bounds and times of a shard.</summary>
public sealed record TailnetShardOptions
{
    /// <summary>Agents with state. Beyond it the one that has been quiet longest is forgotten. Default 4,096.</summary>
    public int MaxAgents { get; init; } = 4096;

    /// <summary>Dials of one agent that wait. Default 64.</summary>
    public int MaxWaitingDials { get; init; } = 64;

    /// <summary>Bytes in the buffers of all connections. Default 128 MiB.</summary>
    public long MaxBuffered { get; init; } = 128L * 1024 * 1024;

    /// <summary>Time without a connection after which no keep-alives are sent. Default 3 minutes.</summary>
    public TimeSpan QuietAfter { get; init; } = TimeSpan.FromMinutes(3);

    /// <summary>Further time after which the agent is forgotten. Default 10 minutes.</summary>
    public TimeSpan ForgetAfter { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Time after the last handshake with an agent that the coordinator has lost. Default 15 minutes.</summary>
    public TimeSpan LostAfter { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>Dials go on within the call that completes them: tests in virtual time need no other thread.</summary>
    internal bool DialsRunInline { get; init; }
}
