using Yarp.ReverseProxy;
using Yarp.ReverseProxy.Model;

namespace Edge.Proxy;

/// <summary>The state of the API servers, as YARP's health checks see it.</summary>
internal sealed class BackendHealth(IProxyStateLookup proxy)
{
    /// <summary>Whether any API server is known to be healthy, or is not probed and has not failed.</summary>
    public bool AnyHealthy() => proxy.GetClusters().Any(static cluster => cluster.Destinations.Values.Any(destination => IsHealthy(cluster, destination)));

    /// <summary>Every API server with its health.</summary>
    public IEnumerable<(string Cluster, string Destination, bool Healthy)> All =>
        from cluster in proxy.GetClusters()
        from destination in cluster.Destinations.Values
        select (cluster.ClusterId, destination.DestinationId, IsHealthy(cluster, destination));

    private static bool IsHealthy(ClusterState cluster, DestinationState destination)
    {
        var probed = cluster.Model.Config.HealthCheck?.Active?.Enabled is true;
        return destination.Health.Passive is not DestinationHealth.Unhealthy
            && (destination.Health.Active is DestinationHealth.Healthy || (!probed && destination.Health.Active is DestinationHealth.Unknown));
    }
}
