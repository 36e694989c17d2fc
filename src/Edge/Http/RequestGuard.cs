using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Net.Http.Headers;

namespace Edge.Http;

/// <summary>
/// Refuses requests whose framing or path is ambiguous between servers, and answers for exceptions in the edge.
/// </summary>
internal static partial class RequestGuard
{
    // Kestrel moves a Content-Length that Transfer-Encoding overrides to this name.
    private const string OverriddenLength = "X-Content-Length";

    private const string Chunked = "chunked";

    private const string Methods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

    public static async Task RunAsync(HttpContext context, RequestDelegate next, ILogger logger)
    {
        if (IsRefused(context, out var status, out var reason))
        {
            // On HTTP/2 Kestrel omits this header.
            context.Response.Headers.Connection = "close";
            await new EdgeError(reason).WriteAsync(context, status);
            return;
        }

        try
        {
            await next(context);
        }
        catch (BadHttpRequestException error)
        {
            await new EdgeError("The request could not be read.", error.Message).WriteAsync(context, error.StatusCode);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // The client has disconnected, so there is no answer.
            context.Abort();
        }
        catch (Exception error) when (!context.Response.HasStarted)
        {
            // Not 500: clients treat 500 as final (tailnet.md §2.2), but this error may be temporary.
            LogFailed(logger, error, context.Request.Method, context.TraceIdentifier);
            context.Response.Clear();
            await new EdgeError("The edge failed to handle the request.", $"Request {context.TraceIdentifier}.")
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
            // HttpClient would open a tunnel for this method.
            status = StatusCodes.Status405MethodNotAllowed;
            context.Response.Headers.Allow = Methods;
            reason = "This server does not support CONNECT.";
            return true;
        }

        if (context.Request.ContentLength > context.Features.Get<IHttpMaxRequestBodySizeFeature>()?.MaxRequestBodySize)
        {
            // Kestrel checks this only at the body's first byte, when the API server has received the head already.
            status = StatusCodes.Status413PayloadTooLarge;
            reason = "The request body is larger than this server allows.";
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

        // Kestrel checks only the last coding, and accepts it in HTTP/1.0 as well, where older servers ignore it (RFC 9112 §6.1). That
        // section allows to ignore a Content-Length beside it, but no well-behaved client sends both.
        return request.Headers.ContainsKey(OverriddenLength)
                ? "A request may have a Content-Length or a Transfer-Encoding, not both."
            : !HttpProtocol.IsHttp11(request.Protocol)
                ? "Transfer-Encoding is allowed in HTTP/1.1 only."
            : codings.Count != 1 || !Chunked.Equals(codings[0], StringComparison.OrdinalIgnoreCase)
                ? "The only allowed Transfer-Encoding of a request is chunked."
                : null;
    }

    [LoggerMessage(EventId = 1022, Level = LogLevel.Error, Message = "A {Method} request failed in the edge; request id {RequestId}")]
    private static partial void LogFailed(ILogger logger, Exception error, string method, string requestId);
}
