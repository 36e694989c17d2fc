using Edge.Http;
using Edge.Telemetry;
using Yarp.ReverseProxy.Forwarder;

namespace Edge.Proxy;

/// <summary>
/// Says in the API's words why a request did not reach an API server. The edge's own trouble is 502, 503 or 504 and never
/// 4xx or 500: clients take those for good and give up (tailnet.md §2.2).
/// </summary>
internal sealed partial class ProxyErrors(RequestDelegate next, ILogger<ProxyErrors> logger)
{
    private static readonly TimeSpan RetrySoon = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan RetryAfterProbe = TimeSpan.FromSeconds(5);

    /// <summary>Runs the proxy, and answers for it where it set an error and wrote nothing.</summary>
    public async Task InvokeAsync(HttpContext context)
    {
        await next(context);
        if (context.GetForwarderErrorFeature() is not { } failure)
        {
            return;
        }

        if (!context.RequestAborted.IsCancellationRequested)
        {
            LogFailed(logger, context.Request.Method, failure.Error, ControlCharacters.Escape(failure.Exception?.Message), context.TraceIdentifier);
        }

        if (!context.Response.HasStarted)
        {
            await WriteAsync(context, failure);
        }
    }

    [LoggerMessage(EventId = 1047, Level = LogLevel.Warning, Message = "A {Method} request could not be forwarded: {Error}, {Cause}; request id {RequestId}")]
    private static partial void LogFailed(ILogger logger, string method, ForwarderError error, string? cause, string requestId);

    private static Task WriteAsync(HttpContext context, IForwarderErrorFeature failure) => failure.Error switch
    {
        ForwarderError.NoAvailableDestinations => new ApiError(
            "No API server is available.", "None of them is healthy at the moment; the edge keeps probing.")
            .WriteAsync(context, StatusCodes.Status503ServiceUnavailable, RetryAfterProbe),

        ForwarderError.RequestTimedOut => new ApiError(
            "The API server did not answer in time.").WriteAsync(context, StatusCodes.Status504GatewayTimeout, RetrySoon),

        // The client's own doing: a body too large, too slow or cut short, with the status that the server core chose.
        ForwarderError.RequestBodyClient => new ApiError(
            context.Response.StatusCode switch
            {
                StatusCodes.Status413PayloadTooLarge => "The request body is larger than this server takes.",
                StatusCodes.Status408RequestTimeout => "The request body came too slowly.",
                _ => "The request body could not be read.",
            }).WriteAsync(context, context.Response.StatusCode),

        ForwarderError.RequestCanceled or ForwarderError.RequestBodyCanceled when context.RequestAborted.IsCancellationRequested => Task.CompletedTask,

        ForwarderError.RequestCreation => new ApiError(
            "The request cannot be forwarded.", "Its target or one of its headers has characters that HTTP does not allow.")
            .WriteAsync(context, StatusCodes.Status400BadRequest),

        _ => new ApiError(
            "The API server could not be reached, or broke off.").WriteAsync(context, StatusCodes.Status502BadGateway, RetrySoon),
    };
}
