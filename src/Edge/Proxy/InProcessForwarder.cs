using System.Diagnostics;
using Edge.InProcess;
using Yarp.ReverseProxy.Forwarder;

namespace Edge.Proxy;

/// <summary>
/// Hands a request to the embedded API server as it stands, in place of a message to it over a connection: the answer goes right into the client's
/// connection. What the edge's route would say of the request's origin is known from the request itself.
/// </summary>
internal sealed class InProcessForwarder(InProcessApplication api) : IHttpForwarder
{
    public async ValueTask<ForwarderError> SendAsync(
        HttpContext context, string destinationPrefix, HttpMessageInvoker httpClient, ForwarderRequestConfig requestConfig, HttpTransformer transformer)
    {
        if (Activity.Current is { } span)
        {
            DistributedContextPropagator.Current.Inject(span, context.Request.Headers, static (headers, name, value) => ((IHeaderDictionary)headers!)[name] = value);
        }

        if (api.TryRun(new InProcessFeatures(context.Features)) is not { } run)
        {
            context.Response.StatusCode = StatusCodes.Status502BadGateway;
            context.Features.Set<IForwarderErrorFeature>(new Failure(ForwarderError.Request));
            return ForwarderError.Request;
        }

        await run;
        return ForwarderError.None;
    }

    /// <summary>The API server takes no requests, or not any more.</summary>
    private sealed record Failure(ForwarderError Error) : IForwarderErrorFeature
    {
        public Exception? Exception => null;
    }
}
