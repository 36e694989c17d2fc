using System.Diagnostics.Metrics;

namespace Edge.Derp.Admission;

/// <summary>Counts the decisions of admission, by source and result. Derper has no such metrics.</summary>
internal sealed class AdmissionMetrics
{
    public const string MeterName = "Edge.Derp.Admission";

    private readonly Counter<long> _decisions;
    private readonly Histogram<double> _asks;

    public AdmissionMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(MeterName);
        _decisions = meter.CreateCounter<long>(
            "edge.derp.admissions", "{client}", "Decisions about clients that connect, by source of admission and result.");
        _asks = meter.CreateHistogram<double>(
            "edge.derp.admission.ask.duration", "s", "Duration of requests to external sources of admission, time in the queue included.");
    }

    /// <summary>Counts a decision about a client that connects, from the cache or not.</summary>
    public void Decided(AdmissionSource source, AdmissionVerdict verdict) => _decisions.Add(
        1,
        new KeyValuePair<string, object?>("source", Label(source)),
        new KeyValuePair<string, object?>("result", Label(verdict)));

    /// <summary>Records the duration of a request to an external source.</summary>
    public void Asked(AdmissionSource source, TimeSpan took) =>
        _asks.Record(took.TotalSeconds, new KeyValuePair<string, object?>("source", Label(source)));

    private static string Label(AdmissionSource source) => source switch
    {
        AdmissionSource.File => "file",
        AdmissionSource.Url => "url",
        AdmissionSource.Tailscaled => "tailscaled",
        AdmissionSource.Jwt => "jwt",
        _ => "open",
    };

    private static string Label(AdmissionVerdict verdict) => verdict switch
    {
        AdmissionVerdict.Admitted => "admitted",
        AdmissionVerdict.Refused => "refused",
        AdmissionVerdict.Unreachable => "unreachable",
        AdmissionVerdict.FailOpen => "fail_open",
        _ => "unusable",
    };
}
