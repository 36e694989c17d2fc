using System.Diagnostics.Metrics;
using Tailnet.AgentMessages;

namespace ControlPlane.AgentRpc;

/// <summary>
/// Counts the HTTP requests that agents' boundaries (network policies) allowed or denied. The requests themselves are neither stored nor
/// logged, because URLs may contain credentials.
/// </summary>
internal sealed class BoundaryCounter : IDisposable
{
    private readonly Meter _meter = new("ControlPlane");
    private readonly Counter<long> _counter;

    public BoundaryCounter() => _counter = _meter.CreateCounter<long>(
        "controlplane.agent.boundary.requests", "{request}", "Requests that the boundaries of agents have reported, by decision.");

    public ReportBoundaryLogsResponse Count(ReportBoundaryLogsRequest request)
    {
        var allowed = request.Logs.Count(static log => log.Allowed);
        Add(allowed, "allow");
        Add(request.Logs.Count - allowed, "deny");
        return new ReportBoundaryLogsResponse();
    }

    public void Dispose() => _meter.Dispose();

    private void Add(int count, string decision)
    {
        if (count > 0)
        {
            _counter.Add(count, new KeyValuePair<string, object?>("decision", decision));
        }
    }
}
