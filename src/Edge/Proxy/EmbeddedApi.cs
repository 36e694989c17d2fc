using System.Diagnostics;
using Edge.Http;
using Edge.InProcess;

namespace Edge.Proxy;

/// <summary>
/// Runs requests in the embedded API server, inside the process: without the choice of a server, without a connection, and with
/// the client's connection as the output. Upgrades go on to the proxy, which connects the client's socket to one of the API
/// server's.
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
            DistributedContextPropagator.Current.Inject(
                span,
                context.Request.Headers,
                static (headers, name, value) => ((IHeaderDictionary)headers!)[name] = value);
        }

        return api.TryRun(new InProcessFeatures(context.Features))
            ?? new EdgeError("The API server could not be reached, or closed the connection early.")
                .WriteAsync(context, StatusCodes.Status502BadGateway, RetrySoon);
    }
}
