namespace Edge.Telemetry;

/// <summary>The type of a metric family in the text format.</summary>
internal enum PrometheusType
{
    /// <summary>A sum that only grows while the process lives.</summary>
    Counter,

    /// <summary>A value that goes up and down.</summary>
    Gauge,

    /// <summary>A distribution over fixed buckets.</summary>
    Histogram,
}
