using System.Net;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.Forwarder;

namespace Edge.Proxy;

/// <summary>
/// Applies the edge's rules to every cluster. Its exceptions are errors of the start; at a reload they keep the old configuration
/// in force.
/// </summary>
internal sealed class ClusterRules : IProxyConfigFilter
{
    public ValueTask<ClusterConfig> ConfigureClusterAsync(ClusterConfig cluster, CancellationToken cancel)
    {
        var path = $"ReverseProxy:Clusters:{cluster.ClusterId}";
        var destinations = new Dictionary<string, DestinationConfig>(StringComparer.OrdinalIgnoreCase);
        foreach (var (name, destination) in cluster.Destinations ?? new Dictionary<string, DestinationConfig>())
        {
            // YARP notices a wrong address only at the first request. The address has to be canonical, because the request's target is
            // appended to it unchanged.
            if (!Uri.TryCreate(destination.Address, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https")
                || address.Query.Length > 0 || address.Fragment.Length > 0)
            {
                throw new InvalidOperationException(
                    $"{path}:Destinations:{name}:Address = \"{destination.Address}\": "
                    + "allowed is an http or https URL without query and fragment");
            }

            var canonical = address.AbsoluteUri.TrimEnd('/');
            destinations[name] = canonical == destination.Address.TrimEnd('/') ? destination : destination with { Address = canonical };
        }

        var request = cluster.HttpRequest;
        if (request?.Version is { } version && version != HttpVersion.Version11)
        {
            throw new InvalidOperationException(
                $"{path}:HttpRequest:Version = \"{version}\": allowed is 1.1; the edge uses HTTP/1.1 to API servers");
        }

        // Without this policy YARP may try HTTP/2 first.
        var exact = (request ?? ForwarderRequestConfig.Empty) with
        {
            Version = HttpVersion.Version11,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            ActivityTimeout = request?.ActivityTimeout ?? ProxyDefaults.ActivityTimeout,
        };
        var health = cluster.HealthCheck ?? new HealthCheckConfig();
        return new(cluster with
        {
            HttpRequest = exact,
            Destinations = destinations,
            HealthCheck = health with
            {
                AvailableDestinationsPolicy = health.AvailableDestinationsPolicy ?? AvailabilityPolicy.PolicyName,
            },
        });
    }

    /// <summary>Refuses a route without a cluster. YARP would accept it and answer with an empty 503.</summary>
    public ValueTask<RouteConfig> ConfigureRouteAsync(RouteConfig route, ClusterConfig? cluster, CancellationToken cancel) =>
        cluster is not null ? new(route) : throw new InvalidOperationException(
            $"ReverseProxy:Routes:{route.RouteId}:ClusterId = \"{route.ClusterId}\": allowed is the name of one of ReverseProxy:Clusters");
}
