using Yarp.ReverseProxy.Forwarder;
using Yarp.ReverseProxy.Health;
using Yarp.ReverseProxy.Model;

namespace Edge.Proxy;

/// <summary>
/// Sends a request to another API server when the connection to the chosen one failed. Nothing of the request was sent then, so
/// this is safe for every method. The server that failed is not used for a while.
/// </summary>
internal sealed class FailoverMiddleware(RequestDelegate next, IDestinationHealthUpdater health, RequestOutcomes outcomes)
{
    public async Task InvokeAsync(HttpContext context)
    {
        var proxy = context.GetReverseProxyFeature();
        var candidates = proxy.AvailableDestinations;
        while (true)
        {
            await next(context);
            if (IsServed(context) && proxy.ProxiedDestination is { } served)
            {
                outcomes.Served(served);
                return;
            }

            if (context.Response.HasStarted
                || context.RequestAborted.IsCancellationRequested
                || context.GetForwarderErrorFeature() is not { Error: ForwarderError.Request, Exception: { } error }
                || !IsConnectFailure(error)
                || proxy.ProxiedDestination is not { } refused)
            {
                return;
            }

            outcomes.Refused(refused);
            candidates = [.. candidates.Where(candidate => candidate != refused)];
            if (candidates.Count == 0)
            {
                // The last server stays available: without another choice, its return should be noticed at once.
                return;
            }

            health.SetPassive(context.GetRouteModel().Cluster!, refused, DestinationHealth.Unhealthy, ProxyDefaults.Reactivation);
            context.Features.Set<IForwarderErrorFeature>(null);
            context.Response.StatusCode = StatusCodes.Status200OK;
            proxy.ProxiedDestination = null;
            proxy.AvailableDestinations = candidates;
        }
    }

    /// <summary>Whether the server has answered the request. Streams do not count, because they may have begun long ago.</summary>
    private static bool IsServed(HttpContext context) =>
        context.Response.StatusCode is >= StatusCodes.Status200OK and < StatusCodes.Status500InternalServerError
        && !HttpMethods.IsConnect(context.Request.Method)
        && context.GetForwarderErrorFeature() is null;

    private static bool IsConnectFailure(Exception error) => error is HttpRequestException
    {
        HttpRequestError: HttpRequestError.ConnectionError
            or HttpRequestError.NameResolutionError
            or HttpRequestError.SecureConnectionError,
    };
}
