using System.Diagnostics.Metrics;
using Edge.Listeners;

namespace Edge.Telemetry;

/// <summary>Counts changed configurations of a running node, by result. Meter <c>Edge</c>.</summary>
internal sealed class ReloadMetrics(IMeterFactory meters)
{
    private readonly Counter<long> _reloads = meters.Create(AccessMetrics.MeterName).CreateCounter<long>(
        "edge.configuration.reloads", "{reload}", "Changed configurations, by result: applied or refused.");

    public void Applied() => Count("applied");

    public void Refused() => Count("refused");

    private void Count(string result) => _reloads.Add(1, new KeyValuePair<string, object?>("result", result));
}
