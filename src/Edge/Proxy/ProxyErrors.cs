using Edge.Http;
using Edge.Telemetry;
using Yarp.ReverseProxy.Forwarder;

namespace Edge.Proxy;

/// <summary>
/// Answers in the API's error format when a request could not be forwarded. Errors of the edge are 502, 503 or 504, and never 4xx
/// or 500: clients treat those as final and give up (tailnet.md §2.2).
/// </summary>
internal sealed partial class ProxyErrors(RequestDelegate next, ILogger<ProxyErrors> logger)
{
    private static readonly TimeSpan RetrySoon = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan RetryAfterProbe = TimeSpan.FromSeconds(5);

    /// <summary>Runs the proxy, and writes an answer if the proxy set an error without one.</summary>
    public async Task InvokeAsync(HttpContext context)
    {
        await next(context);
        if (context.GetForwarderErrorFeature() is not { } failure)
        {
            return;
        }

        if (!context.RequestAborted.IsCancellationRequested)
        {
            var cause = ControlCharacters.Escape(failure.Exception?.Message);
            LogFailed(logger, context.Request.Method, failure.Error, cause, context.TraceIdentifier);
        }

        if (!context.Response.HasStarted)
        {
            await WriteAsync(context, failure);
        }
    }

    [LoggerMessage(
        EventId = 1047, Level = LogLevel.Warning,
        Message = "A {Method} request could not be forwarded: {Error}, {Cause}; request id {RequestId}")]
    private static partial void LogFailed(ILogger logger, string method, ForwarderError error, string? cause, string requestId);

    private static Task WriteAsync(HttpContext context, IForwarderErrorFeature failure) => failure.Error switch
    {
        ForwarderError.NoAvailableDestinations => new EdgeError(
            "No API server is available.", "No API server is healthy at the moment; the edge keeps probing.")
            .WriteAsync(context, StatusCodes.Status503ServiceUnavailable, RetryAfterProbe),

        ForwarderError.RequestTimedOut => new EdgeError(
            "The API server did not answer in time.").WriteAsync(context, StatusCodes.Status504GatewayTimeout, RetrySoon),

        // An error of the client: a body that is too large, too slow or incomplete. Kestrel has set the status.
        ForwarderError.RequestBodyClient => new EdgeError(
            context.Response.StatusCode switch
            {
                StatusCodes.Status413PayloadTooLarge => "The request body is larger than this server allows.",
                StatusCodes.Status408RequestTimeout => "The request body was sent too slowly.",
                _ => "The request body could not be read.",
            }).WriteAsync(context, context.Response.StatusCode),

        ForwarderError.RequestCanceled or ForwarderError.RequestBodyCanceled when context.RequestAborted.IsCancellationRequested =>
            Task.CompletedTask,

        ForwarderError.RequestCreation => new EdgeError(
            "The request cannot be forwarded.", "Its target or one of its headers has characters that HTTP does not allow.")
            .WriteAsync(context, StatusCodes.Status400BadRequest),

        _ => new EdgeError("The API server could not be reached, or closed the connection early.")
            .WriteAsync(context, StatusCodes.Status502BadGateway, RetrySoon),
    };
}
