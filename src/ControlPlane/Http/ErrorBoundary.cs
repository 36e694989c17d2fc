using System.Data.Common;
using ControlPlane.Storage;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace ControlPlane.Http;

/// <summary>
/// Middleware that turns each exception of a request into an error response, and sets the header that every response carries.
/// </summary>
internal sealed partial class ErrorBoundary(ControlPlaneOptions options, Database database, ILogger<ErrorBoundary> logger)
{
    public async Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        context.Response.Headers["X-Coder-Build-Version"] = options.Version;
        try
        {
            await next(context);
        }
        catch (Exception exception) when (
            context.RequestAborted.IsCancellationRequested && exception is OperationCanceledException or IOException)
        {
            ClientDisconnected(logger);
        }
        catch (BadHttpRequestException exception) when (!context.Response.HasStarted)
        {
            await context.WriteAsync(exception.StatusCode, new ApiError("The request could not be read.", exception.Message));
        }
        catch (DbException exception) when (!context.Response.HasStarted)
        {
            // A busy or full disk is temporary, while clients take 500 as final (tailnet.md §2.2).
            if (!database.IsOutage(exception))
            {
                DatabaseFailed(logger, exception);
            }

            context.Response.Headers.RetryAfter = "1";
            await context.WriteAsync(
                StatusCodes.Status503ServiceUnavailable,
                new ApiError("The database is not available.", "Try again in a moment."));
        }
        catch (DbException exception) when (database.IsOutage(exception))
        {
            // The response has started: an abort keeps the client from taking the truncated body as complete.
            context.Abort();
        }
        catch (Exception exception) when (!context.Response.HasStarted)
        {
            Failed(logger, exception);
            await context.WriteAsync(
                StatusCodes.Status500InternalServerError,
                new ApiError("An internal server error occurred.", "The server's log has the cause."));
        }
        catch (Exception exception)
        {
            // As above: the truncated body must not look complete.
            Failed(logger, exception);
            context.Abort();
        }
    }
}
