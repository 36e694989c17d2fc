namespace ControlPlane.Statistics;

/// <summary>One or more reports of an agent, added up: the counters are sums, the rest as last reported.</summary>
/// <param name="Reports">How many there are.</param>
/// <param name="At">When the last one came.</param>
/// <param name="Sum">What they say together.</param>
internal sealed record StoredReport(long Reports, DateTimeOffset At, AgentReport Sum)
{
    // No report takes away from a sum, nor brings it near its end.
    private const long MaxCounted = 1L << 48;

    /// <summary>One more report after those before, which may be none.</summary>
    public static StoredReport Of(StoredReport? before, AgentReport report, DateTimeOffset now)
    {
        var one = new StoredReport(1, now, report with
        {
            RxPackets = Counted(report.RxPackets),
            RxBytes = Counted(report.RxBytes),
            TxPackets = Counted(report.TxPackets),
            TxBytes = Counted(report.TxBytes),
            ConnectionCount = Counted(report.ConnectionCount),
            ConnectionMedianLatencyMs = double.IsFinite(report.ConnectionMedianLatencyMs) ? report.ConnectionMedianLatencyMs : 0,
            SessionsVscode = Counted(report.SessionsVscode),
            SessionsJetbrains = Counted(report.SessionsJetbrains),
            SessionsReconnectingPty = Counted(report.SessionsReconnectingPty),
            SessionsSsh = Counted(report.SessionsSsh),
        });
        return before?.Then(one) ?? one;
    }

    /// <summary>These and those after them.</summary>
    public StoredReport Then(StoredReport later) => later with
    {
        Reports = Reports + later.Reports,
        Sum = later.Sum with
        {
            RxPackets = Sum.RxPackets + later.Sum.RxPackets,
            RxBytes = Sum.RxBytes + later.Sum.RxBytes,
            TxPackets = Sum.TxPackets + later.Sum.TxPackets,
            TxBytes = Sum.TxBytes + later.Sum.TxBytes,
        },
    };

    private static long Counted(long reported) => Math.Clamp(reported, 0, MaxCounted);
}
