using Microsoft.Extensions.Logging;

namespace ControlPlane.Access;

internal sealed partial class OpenStreams
{
    [LoggerMessage(33, LogLevel.Information, "{Count} stream(s) were closed: what had let them in is no longer valid.")]
    private static partial void Closed(ILogger logger, int count);

    [LoggerMessage(34, LogLevel.Warning, "Open streams could not be looked at again; they are later.")]
    private static partial void NotLookedAt(ILogger logger, Exception exception);
}
