using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Net.Http.Headers;

namespace Edge.Http;

/// <summary>
/// Refuses requests whose end or whose path two servers could see in different places, and answers for what fails inside the edge.
/// </summary>
internal static partial class RequestGuard
{
    // Kestrel keeps the Content-Length that a Transfer-Encoding overrides under this name.
    private const string OverriddenLength = "X-Content-Length";

    private const string Chunked = "chunked";

    private const string Methods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

    public static async Task RunAsync(HttpContext context, RequestDelegate next, ILogger logger)
    {
        if (IsRefused(context, out var status, out var reason))
        {
            // On HTTP/2 the server core leaves this header out.
            context.Response.Headers.Connection = "close";
            await new ApiError(reason).WriteAsync(context, status);
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

    private static bool IsRefused(HttpContext context, out int status, [NotNullWhen(true)] out string? reason)
    {
        status = StatusCodes.Status400BadRequest;
        reason = FramingFault(context.Request);
        if (reason is not null)
        {
            return true;
        }

        if (HttpMethods.IsConnect(context.Request.Method) && RequestedUpgrade.Recognise(context) is null)
        {
            // The HTTP client would take it for a tunnel of its own.
            status = StatusCodes.Status405MethodNotAllowed;
            context.Response.Headers.Allow = Methods;
            reason = "This server is no proxy for CONNECT.";
            return true;
        }

        if (context.Request.ContentLength > context.Features.Get<IHttpMaxRequestBodySizeFeature>()?.MaxRequestBodySize)
        {
            // Kestrel would say so at the body's first byte, when the API server has the head already.
            status = StatusCodes.Status413PayloadTooLarge;
            reason = "The request body is larger than this server takes.";
            return true;
        }

        reason = RequestTarget.Check(context);
        return reason is not null;
    }

    private static string? FramingFault(HttpRequest request)
    {
        if (!request.Headers.TryGetValue(HeaderNames.TransferEncoding, out var codings))
        {
            return null;
        }

        // Kestrel looks at the last coding only, and in HTTP/1.0 too, where older servers see none (RFC 9112 §6.1). A length beside it
        // could be dropped by the same section, but nobody who means well sends both.
        return request.Headers.ContainsKey(OverriddenLength) ? "A request may have a Content-Length or a Transfer-Encoding, not both."
            : !HttpProtocol.IsHttp11(request.Protocol) ? "Transfer-Encoding belongs to HTTP/1.1."
            : codings.Count != 1 || !Chunked.Equals(codings[0], StringComparison.OrdinalIgnoreCase) ? "The only Transfer-Encoding of a request is chunked."
            : null;
    }

    [LoggerMessage(EventId = 1022, Level = LogLevel.Error, Message = "A {Method} request failed in the edge; request id {RequestId}")]
    private static partial void LogFailed(ILogger logger, Exception error, string method, string requestId);
}
