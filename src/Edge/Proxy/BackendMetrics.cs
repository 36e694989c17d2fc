using System.Diagnostics.Metrics;
using Edge.Listeners;

namespace Edge.Proxy;

/// <summary>The API servers' health as a metric, on the meter <c>Edge</c>.</summary>
internal sealed class BackendMetrics
{
    public BackendMetrics(IMeterFactory meters, BackendHealth health) => meters.Create(AccessMetrics.MeterName).CreateObservableGauge(
        "edge.backends.healthy",
        () => health.All.Select(static backend => new Measurement<int>(
            backend.Healthy ? 1 : 0,
            new KeyValuePair<string, object?>("cluster", backend.Cluster),
            new KeyValuePair<string, object?>("destination", backend.Destination))),
        description: "1 for an API server that is available for requests, 0 for one that is not.");
}
