namespace ControlPlane.Statistics;

/// <summary>One or more reports of an agent, merged: counters are summed, and other values are those of the last report.</summary>
/// <param name="Reports">The number of reports.</param>
/// <param name="At">The arrival of the last report.</param>
/// <param name="Sum">The merged report.</param>
internal sealed record StoredReport(long Reports, DateTimeOffset At, AgentReport Sum)
{
    // Negative counts would lower the database's sums, and huge ones would bring them near overflow.
    private const long MaxCount = 1L << 48;

    /// <summary>Merges a new report with the earlier ones, if there are any.</summary>
    public static StoredReport Of(StoredReport? before, AgentReport report, DateTimeOffset now)
    {
        var one = new StoredReport(1, now, report with
        {
            RxPackets = Limited(report.RxPackets),
            RxBytes = Limited(report.RxBytes),
            TxPackets = Limited(report.TxPackets),
            TxBytes = Limited(report.TxBytes),
            ConnectionCount = Limited(report.ConnectionCount),
            ConnectionMedianLatencyMs = double.IsFinite(report.ConnectionMedianLatencyMs) ? report.ConnectionMedianLatencyMs : 0,
            SessionsVscode = Limited(report.SessionsVscode),
            SessionsJetbrains = Limited(report.SessionsJetbrains),
            SessionsReconnectingPty = Limited(report.SessionsReconnectingPty),
            SessionsSsh = Limited(report.SessionsSsh),
        });
        return before?.MergeWith(one) ?? one;
    }

    /// <summary>Merges these reports with later ones.</summary>
    public StoredReport MergeWith(StoredReport later) => later with
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

    private static long Limited(long count) => Math.Clamp(count, 0, MaxCount);
}
