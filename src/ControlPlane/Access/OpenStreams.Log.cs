using Microsoft.Extensions.Logging;

namespace ControlPlane.Access;

internal sealed partial class OpenStreams
{
    [LoggerMessage(1, LogLevel.Information, "{Count} stream(s) were closed: their access was revoked or has expired.")]
    private static partial void Closed(ILogger logger, int count);

    [LoggerMessage(2, LogLevel.Warning, "The access of open streams could not be checked; the check is repeated.")]
    private static partial void CheckFailed(ILogger logger, Exception exception);
}
