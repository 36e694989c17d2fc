using Yarp.ReverseProxy;
using Yarp.ReverseProxy.Model;

namespace Edge.Proxy;

/// <summary>The health of API servers, from probes and, between probes, from the outcomes of requests.</summary>
internal sealed class BackendHealth(IProxyStateLookup proxy, RequestOutcomes requests)
{
    /// <summary>Whether an API server is available for requests.</summary>
    public bool AnyHealthy() =>
        proxy.GetClusters().Any(cluster => cluster.Destinations.Values.Any(destination => IsHealthy(cluster, destination)));

    /// <summary>Every API server with its health.</summary>
    public IEnumerable<(string Cluster, string Destination, bool Healthy)> All =>
        from cluster in proxy.GetClusters()
        from destination in cluster.Destinations.Values
        select (cluster.ClusterId, destination.DestinationId, IsHealthy(cluster, destination));

    private bool IsHealthy(ClusterState cluster, DestinationState destination)
    {
        // A server that is unhealthy because of failed requests is still available when there is no other.
        if (!cluster.DestinationsState.AvailableDestinations.Contains(destination))
        {
            return false;
        }

        var probed = cluster.Model.Config.HealthCheck?.Active?.Enabled is true;
        return requests.Latest(destination)
            ?? (probed
                ? destination.Health.Active is DestinationHealth.Healthy
                : destination.Health.Passive is not DestinationHealth.Unhealthy);
    }
}
