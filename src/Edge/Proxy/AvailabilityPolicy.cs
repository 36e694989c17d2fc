using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.Health;
using Yarp.ReverseProxy.Model;

namespace Edge.Proxy;

/// <summary>
/// Chooses healthy servers. While there is none, every server is tried as with YARP's <c>HealthyOrPanic</c>, except those whose
/// <c>/healthz</c> answers with an error.
/// </summary>
internal sealed class AvailabilityPolicy(RequestOutcomes outcomes) : IAvailableDestinationsPolicy
{
    public const string PolicyName = "EdgeAvailability";

    public string Name => PolicyName;

    public IReadOnlyList<DestinationState> GetAvailalableDestinations(ClusterConfig config, IReadOnlyList<DestinationState> allDestinations)
    {
        var probes = config.HealthCheck?.Active?.Enabled is true;
        var requests = config.HealthCheck?.Passive?.Enabled is true;
        var healthy = allDestinations.Where(destination =>
            !(probes && destination.Health.Active is DestinationHealth.Unhealthy)
            && !(requests && destination.Health.Passive is DestinationHealth.Unhealthy)).ToArray();
        return healthy.Length > 0 ? healthy : allDestinations.Where(destination => !outcomes.ReportsUnhealthy(destination)).ToArray();
    }
}
