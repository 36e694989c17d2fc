namespace ControlPlane.Statistics;

/// <summary>What an agent reports of its traffic since its last report, and of its connections now.</summary>
internal sealed record AgentReport
{
    public long RxPackets { get; init; }

    public long RxBytes { get; init; }

    public long TxPackets { get; init; }

    public long TxBytes { get; init; }

    public long ConnectionCount { get; init; }

    /// <summary>Milliseconds; may be any number, or none.</summary>
    public double ConnectionMedianLatencyMs { get; init; }

    public long SessionsVscode { get; init; }

    public long SessionsJetbrains { get; init; }

    public long SessionsReconnectingPty { get; init; }

    public long SessionsSsh { get; init; }

    /// <summary>Connections by protocol.</summary>
    public IReadOnlyDictionary<string, long> Protocols { get; init; } = new Dictionary<string, long>();

    /// <summary>Metrics of the agent's own.</summary>
    public IReadOnlyList<AgentMetric> Metrics { get; init; } = [];
}

/// <summary>A metric of an agent's own.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Labels">Its labels, as <c>name=value</c> with commas between.</param>
/// <param name="Type"><c>counter</c> or <c>gauge</c>.</param>
/// <param name="Value">Its value; a counter's since the agent's start.</param>
internal sealed record AgentMetric(string Name, string Labels, string Type, double Value);
