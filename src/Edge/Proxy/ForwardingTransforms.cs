using System.Net;
using Yarp.ReverseProxy.Transforms;
using Yarp.ReverseProxy.Transforms.Builder;

namespace Edge.Proxy;

/// <summary>
/// Sets the target and the origin of forwarded requests: the client's own target and Host, and forwarding headers that only the
/// edge writes.
/// </summary>
internal sealed class ForwardingTransforms : ITransformProvider
{
    private const string OriginalHost = "RequestHeaderOriginalHost";

    public void ValidateRoute(TransformRouteValidationContext context)
    {
    }

    public void ValidateCluster(TransformClusterValidationContext context)
    {
    }

    public void Apply(TransformBuilderContext context)
    {
        context.UseDefaultForwarders = false;
        if (context.Route.Transforms?.Any(static transform => transform.ContainsKey(OriginalHost)) is not true)
        {
            context.AddOriginalHost();
        }

        // The transforms of a provider run after the route's own ones, which may have changed path and query.
        var isPlain = context.Route.Transforms is null or { Count: 0 };
        context.AddRequestTransform(transform =>
        {
            transform.ProxyRequest.RequestUri ??= isPlain
                ? ForwardedTarget.Create(transform.DestinationPrefix, transform.HttpContext.Request)
                : ForwardedTarget.Create(transform);
            var request = transform.HttpContext.Request;
            var headers = transform.ProxyRequest.Headers;
            Set(headers, "X-Forwarded-For", ClientAddress(transform.HttpContext.Connection.RemoteIpAddress));
            Set(headers, "X-Forwarded-Proto", request.Scheme);
            Set(headers, "X-Forwarded-Host", ForwardedOrigin.Host(transform.HttpContext));
            return ValueTask.CompletedTask;
        });
        context.AddResponseTransform(static transform =>
        {
            var answer = transform.HttpContext.Response;
            if (transform.ProxyResponse is { StatusCode: HttpStatusCode.UpgradeRequired } refused
                && refused.Headers.NonValidated.TryGetValues("Upgrade", out var wanted))
            {
                // Upgrade is a hop-by-hop header, but the client of a 426 needs it (RFC 9110 §15.5.22).
                answer.Headers.Upgrade = wanted.ToString();
            }
            else if (transform.ProxyResponse is { StatusCode: HttpStatusCode.NoContent })
            {
                // RFC 9110 §8.6 forbids Content-Length here. Kestrel would wait for that many bytes, and answer 500 without them.
                answer.ContentLength = null;
            }

            return ValueTask.CompletedTask;
        });
    }

    private static string? ClientAddress(IPAddress? address) =>
        address is { IsIPv4MappedToIPv6: true } ? address.MapToIPv4().ToString() : address?.ToString();

    private static void Set(System.Net.Http.Headers.HttpRequestHeaders headers, string name, string? value)
    {
        headers.Remove(name);
        if (!string.IsNullOrEmpty(value))
        {
            headers.TryAddWithoutValidation(name, value);
        }
    }
}
