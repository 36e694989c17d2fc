using Microsoft.Extensions.Logging;

namespace ControlPlane.Http;

internal sealed partial class ErrorBoundary
{
    [LoggerMessage(13, LogLevel.Error, "A request failed.")]
    private static partial void Failed(ILogger logger, Exception exception);

    [LoggerMessage(14, LogLevel.Error, "The database did not serve a request.")]
    private static partial void DatabaseFailed(ILogger logger, Exception exception);

    [LoggerMessage(15, LogLevel.Debug, "A client disconnected before the response.")]
    private static partial void ClientDisconnected(ILogger logger);
}
