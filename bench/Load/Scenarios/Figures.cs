namespace Load.Scenarios;

/// <summary>Names of figures that several parts know.</summary>
internal static class Figures
{
    /// <summary>System calls for each packet, message, request or GiB.</summary>
    public const string SystemCalls = "system_calls_per_unit";

    /// <summary>
    /// Processor time that the hypervisor gave to other machines during the measurement (steal time), in percent of all.
    /// Above a few percent, latencies say more about the machine than about the server.
    /// </summary>
    public const string Stolen = "stolen_percent";

    /// <summary>Percentiles of latency, in µs.</summary>
    public static readonly IReadOnlyList<(double Percentile, string Name)> Percentiles =
    [
        (50, "p50_us"), (90, "p90_us"), (99, "p99_us"), (99.9, "p99.9_us"),
    ];
}
