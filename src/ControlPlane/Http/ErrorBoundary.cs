using System.Data.Common;
using ControlPlane.Storage;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace ControlPlane.Http;

/// <summary>The last stop of every exception of a request, and the header that every reply carries.</summary>
internal sealed partial class ErrorBoundary(ControlPlaneOptions options, Database database, ILogger<ErrorBoundary> logger)
{
    public async Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        context.Response.Headers["X-Coder-Build-Version"] = options.Version;
        try
        {
            await next(context);
        }
        catch (Exception exception) when (context.RequestAborted.IsCancellationRequested && exception is OperationCanceledException or IOException)
        {
            // The client has gone: nobody is left to answer.
            Gone(logger);
        }
        catch (BadHttpRequestException exception) when (!context.Response.HasStarted)
        {
            await context.WriteAsync(exception.StatusCode, new ApiError("The request could not be read.", exception.Message));
        }
        catch (DbException exception) when (!context.Response.HasStarted)
        {
            // Clients take 500 as final, but a busy or full disk is not (tailnet.md §2.2).
            if (!database.IsOutage(exception))
            {
                DatabaseFailed(logger, exception);
            }

            context.Response.Headers.RetryAfter = "1";
            await context.WriteAsync(StatusCodes.Status503ServiceUnavailable, new ApiError("The database is not available.", "Try again in a moment."));
        }
        catch (DbException exception) when (database.IsOutage(exception))
        {
            // In the middle of an answer, which must not look whole.
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
            // Half a body must not look like a whole one.
            Failed(logger, exception);
            context.Abort();
        }
    }
}
