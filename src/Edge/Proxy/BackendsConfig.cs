using Yarp.ReverseProxy.Configuration;

namespace Edge.Proxy;

/// <summary>The routes and the cluster for a list of API servers (<c>Edge:Backends</c>).</summary>
internal static class BackendsConfig
{
    public static (RouteConfig[] Routes, ClusterConfig[] Clusters) Create(IReadOnlyList<Uri> backends)
    {
        var route = new RouteConfig
        {
            RouteId = ProxyDefaults.ClusterId,
            ClusterId = ProxyDefaults.ClusterId,
            Match = new RouteMatch { Path = "/{**rest}" },
        };
        var cluster = new ClusterConfig
        {
            ClusterId = ProxyDefaults.ClusterId,
            LoadBalancingPolicy = "PowerOfTwoChoices",
            HealthCheck = ProxyDefaults.HealthCheck,
            Destinations = backends.ToDictionary(
                static backend => backend.GetLeftPart(UriPartial.Authority),
                static backend => new DestinationConfig { Address = backend.GetLeftPart(UriPartial.Authority) }),
        };
        return ([route], [cluster]);
    }
}
