namespace Edge.Telemetry;

/// <summary>One line of labels at the moment of a scrape: everything recorded under them, from whichever instrument, added up.</summary>
internal sealed class PrometheusPoint
{
    /// <summary>The value of a counter or gauge; the sum of a histogram.</summary>
    public double Value { get; set; }

    /// <summary>The measurements in each bucket of a histogram, not cumulative; the last is for those above every boundary.</summary>
    public long[]? Buckets { get; set; }
}
