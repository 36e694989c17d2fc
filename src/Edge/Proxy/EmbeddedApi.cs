using System.Diagnostics;
using Edge.Http;
using Edge.InProcess;

namespace Edge.Proxy;

/// <summary>
/// Hands requests to the embedded API server as they stand: there is nothing to choose, and no connection to send a message over, so the answer goes right
/// into the client's connection. Upgrades go on to the proxy, whose stream relay joins the client's socket with one of the API server's.
/// </summary>
internal sealed class EmbeddedApi(RequestDelegate next, InProcessApplication api)
{
    private static readonly TimeSpan RetrySoon = TimeSpan.FromSeconds(1);

    public Task InvokeAsync(HttpContext context)
    {
        if (RequestedUpgrade.Recognise(context) is not null)
        {
            return next(context);
        }

        if (Activity.Current is { } span)
        {
            DistributedContextPropagator.Current.Inject(span, context.Request.Headers, static (headers, name, value) => ((IHeaderDictionary)headers!)[name] = value);
        }

        return api.TryRun(new InProcessFeatures(context.Features))
            ?? new ApiError("The API server could not be reached, or broke off.").WriteAsync(context, StatusCodes.Status502BadGateway, RetrySoon);
    }
}
