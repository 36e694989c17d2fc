namespace Load.Scenarios;

/// <summary>Names of figures that several parts know.</summary>
internal static class Figures
{
    /// <summary>System calls for each packet, message, request or GiB.</summary>
    public const string SystemCalls = "system_calls_per_unit";

    /// <summary>Processor time that a hypervisor gave to others while it was measured, in percent of all: above a few, latencies are the machine's.</summary>
    public const string Stolen = "stolen_percent";

    /// <summary>Percentiles of latency, in µs.</summary>
    public static readonly IReadOnlyList<(double Percentile, string Name)> Percentiles =
    [
        (50, "p50_us"), (90, "p90_us"), (99, "p99_us"), (99.9, "p99.9_us"),
    ];
}
