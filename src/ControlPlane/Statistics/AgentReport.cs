namespace ControlPlane.Statistics;

/// <summary>An agent's report: its traffic since its last report, and its present connections.</summary>
internal sealed record AgentReport
{
    public long RxPackets { get; init; }

    public long RxBytes { get; init; }

    public long TxPackets { get; init; }

    public long TxBytes { get; init; }

    public long ConnectionCount { get; init; }

    /// <summary>In milliseconds. The agent may send any number, including NaN.</summary>
    public double ConnectionMedianLatencyMs { get; init; }

    public long SessionsVscode { get; init; }

    public long SessionsJetbrains { get; init; }

    public long SessionsReconnectingPty { get; init; }

    public long SessionsSsh { get; init; }

    /// <summary>The number of connections by protocol.</summary>
    public IReadOnlyDictionary<string, long> Protocols { get; init; } = new Dictionary<string, long>();

    /// <summary>The metrics that the agent itself defines.</summary>
    public IReadOnlyList<AgentMetric> Metrics { get; init; } = [];
}

/// <summary>A metric that an agent itself defines.</summary>
/// <param name="Name">The metric's name.</param>
/// <param name="Labels">The labels, as <c>name=value</c> with commas between.</param>
/// <param name="Type"><c>counter</c> or <c>gauge</c>.</param>
/// <param name="Value">The value. A counter counts from the agent's start.</param>
internal sealed record AgentMetric(string Name, string Labels, string Type, double Value);
