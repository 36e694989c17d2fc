using System.Diagnostics.Metrics;

namespace Edge.Listeners;

/// <summary>Counts refused connections and requests, by reason. Meter <c>Edge</c>.</summary>
internal sealed class AccessMetrics
{
    public const string MeterName = "Edge";

    private readonly Counter<long> _connectionsRefused;
    private readonly Counter<long> _rateLimited;
    private readonly Counter<long> _authRejected;

    public AccessMetrics(IMeterFactory meters)
    {
        // The factory owns the meter and hands out the same one for the same name.
        var meter = meters.Create(MeterName);
        _connectionsRefused = meter.CreateCounter<long>(
            "edge.connections.refused", "{connection}", "Connections closed on arrival, by reason: total, address or proxy_header.");
        _rateLimited = meter.CreateCounter<long>("edge.ratelimit.rejected", "{request}", "Requests answered with 429.");
        _authRejected = meter.CreateCounter<long>(
            "edge.auth.rejected", "{request}", "Requests refused by authentication at the edge, by reason.");
    }

    public void ConnectionRefused(string reason) => _connectionsRefused.Add(1, new KeyValuePair<string, object?>("reason", reason));

    public void RateLimited() => _rateLimited.Add(1);

    public void AuthRejected(string reason) => _authRejected.Add(1, new KeyValuePair<string, object?>("reason", reason));
}
