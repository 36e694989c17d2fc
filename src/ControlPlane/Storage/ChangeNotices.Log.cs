using Microsoft.Extensions.Logging;

namespace ControlPlane.Storage;

internal sealed partial class ChangeNotices
{
    [LoggerMessage(31, LogLevel.Warning, "Changes by other API servers are not heard of at once: the connection for their notices failed; it is made again.")]
    private static partial void NotListening(ILogger logger, Exception exception);

    [LoggerMessage(32, LogLevel.Warning, "Other API servers could not be told of changes; they find them with their next look.")]
    private static partial void NotSaid(ILogger logger, Exception exception);
}
