namespace Edge.Http;

/// <summary>
/// Refuses requests whose end two servers could see in different places, and answers for what fails inside the edge.
/// </summary>
internal static partial class RequestGuard
{
    // Kestrel keeps the Content-Length that a Transfer-Encoding overrides under this name.
    private const string OverriddenLength = "X-Content-Length";

    public static async Task RunAsync(HttpContext context, RequestDelegate next, ILogger logger)
    {
        var headers = context.Request.Headers;
        if (headers.ContainsKey("Transfer-Encoding") && headers.ContainsKey(OverriddenLength))
        {
            // Allowed by RFC 9112 §6.1 if the length is dropped, but nobody who means well sends both.
            context.Response.Headers.Connection = "close";
            await new ApiError("A request may have a Content-Length or a Transfer-Encoding, not both.")
                .WriteAsync(context, StatusCodes.Status400BadRequest);
            return;
        }

        try
        {
            await next(context);
        }
        catch (BadHttpRequestException error)
        {
            await new ApiError("The request could not be read.", error.Message).WriteAsync(context, error.StatusCode);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // The client has gone; nobody is left to be told.
            context.Abort();
        }
        catch (Exception error) when (!context.Response.HasStarted)
        {
            // 502, not 500: clients take 500 for final (tailnet.md §2.2), and this may pass.
            LogFailed(logger, error, context.Request.Method, context.TraceIdentifier);
            context.Response.Clear();
            await new ApiError("The edge failed to handle the request.", $"Request {context.TraceIdentifier}.")
                .WriteAsync(context, StatusCodes.Status502BadGateway);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "A {Method} request failed in the edge; request id {RequestId}")]
    private static partial void LogFailed(ILogger logger, Exception error, string method, string requestId);
}
