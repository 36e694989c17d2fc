using System.Diagnostics.Metrics;

namespace Edge.Derp.Admission;

/// <summary>Counts who is let in to the relay and who is not, by source. Meter <c>Edge.Derp</c>. Derper has no such metrics.</summary>
internal sealed class AdmissionMetrics
{
    public const string MeterName = "Edge.Derp.Admission";

    private readonly Counter<long> _decisions;
    private readonly Histogram<double> _asks;

    public AdmissionMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(MeterName);
        _decisions = meter.CreateCounter<long>(
            "edge.derp.admissions", "{client}", "Clients that a source of admission was asked about when they came, by source and result.");
        _asks = meter.CreateHistogram<double>(
            "edge.derp.admission.ask.duration", "s", "How long answers from outside took, the wait for a turn included.");
    }

    /// <summary>A source has decided, from memory or not, about a client that connects.</summary>
    public void Decided(AdmissionSource source, AdmissionVerdict verdict) =>
        _decisions.Add(1, new KeyValuePair<string, object?>("source", Label(source)), new KeyValuePair<string, object?>("result", Label(verdict)));

    /// <summary>A source outside of the process was asked.</summary>
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
