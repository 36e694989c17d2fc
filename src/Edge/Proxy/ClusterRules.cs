using System.Net;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.Forwarder;

namespace Edge.Proxy;

/// <summary>
/// Holds every cluster, from whichever source, to the edge's rules. What it throws stops the start, or keeps the old
/// configuration when it comes from a reload.
/// </summary>
internal sealed class ClusterRules : IProxyConfigFilter
{
    public ValueTask<ClusterConfig> ConfigureClusterAsync(ClusterConfig cluster, CancellationToken cancel)
    {
        var path = $"ReverseProxy:Clusters:{cluster.ClusterId}";
        var destinations = new Dictionary<string, DestinationConfig>(StringComparer.OrdinalIgnoreCase);
        foreach (var (name, destination) in cluster.Destinations ?? new Dictionary<string, DestinationConfig>())
        {
            // YARP finds out at the first request only. What a request asks for is put behind the address as it stands, so that one has to
            // be canonical.
            if (!Uri.TryCreate(destination.Address, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https")
                || address.Query.Length > 0 || address.Fragment.Length > 0)
            {
                throw new InvalidOperationException(
                    $"{path}:Destinations:{name}:Address = \"{destination.Address}\": allowed is an http or https URL without query and fragment");
            }

            var canonical = address.AbsoluteUri.TrimEnd('/');
            destinations[name] = canonical == destination.Address.TrimEnd('/') ? destination : destination with { Address = canonical };
        }

        var request = cluster.HttpRequest;
        if (request?.Version is { } version && version != HttpVersion.Version11)
        {
            throw new InvalidOperationException($"{path}:HttpRequest:Version = \"{version}\": API servers are spoken to in HTTP/1.1 only");
        }

        // Exactly: otherwise a request may be tried as HTTP/2 first.
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
            HealthCheck = health with { AvailableDestinationsPolicy = health.AvailableDestinationsPolicy ?? AvailabilityPolicy.PolicyName },
        });
    }

    /// <summary>YARP would take the route, and answer with an empty 503.</summary>
    public ValueTask<RouteConfig> ConfigureRouteAsync(RouteConfig route, ClusterConfig? cluster, CancellationToken cancel) => cluster is not null
        ? new(route)
        : throw new InvalidOperationException(
            $"ReverseProxy:Routes:{route.RouteId}:ClusterId = \"{route.ClusterId}\": allowed is the name of one of ReverseProxy:Clusters");
}
