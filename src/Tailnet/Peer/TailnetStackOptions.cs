namespace Tailnet.Peer;

/// <summary>Limits and times of a stack.</summary>
public sealed record TailnetStackOptions
{
    /// <summary>Agents with state. At the limit, a new agent evicts the one that has been quiet longest. Default 4,096.</summary>
    public int MaxAgents { get; init; } = 4096;

    /// <summary>Connections to all agents. Default 16,384.</summary>
    public int MaxConnections { get; init; } = 16_384;

    /// <summary>Dials of one agent in progress. Default 64.</summary>
    public int MaxWaitingDials { get; init; } = 64;

    /// <summary>Bytes in the buffers of all connections. Default 128 MiB.</summary>
    public long MaxBuffered { get; init; } = 128L * 1024 * 1024;

    /// <summary>The longest wait of a dial for the agent's node. Default 10 s.</summary>
    public TimeSpan NodeTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Time without dials and connections after which no keep-alives are sent. Default 3 minutes.</summary>
    public TimeSpan QuietAfter { get; init; } = TimeSpan.FromMinutes(3);

    /// <summary>Further time without dials and connections after which the agent is forgotten. Default 10 minutes.</summary>
    public TimeSpan ForgetAfter { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Time since the last handshake after which the connections of a lost agent end. Default 15 minutes.</summary>
    public TimeSpan LostAfter { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>Whether dials continue inside the call that completes them, so that tests in virtual time need no other thread.</summary>
    internal bool DialsRunInline { get; init; }
}
