using Microsoft.Extensions.Logging;

namespace ControlPlane.Http;

internal sealed partial class ErrorBoundary
{
    [LoggerMessage(1, LogLevel.Error, "A request failed.")]
    private static partial void Failed(ILogger logger, Exception exception);

    [LoggerMessage(2, LogLevel.Error, "The database did not serve a request.")]
    private static partial void DatabaseFailed(ILogger logger, Exception exception);

    [LoggerMessage(3, LogLevel.Debug, "A client left before its answer.")]
    private static partial void Gone(ILogger logger);
}
