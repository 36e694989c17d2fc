using Microsoft.Extensions.Logging;

namespace ControlPlane.Storage;

internal sealed partial class ChangeNotices
{
    [LoggerMessage(
        22,
        LogLevel.Warning,
        "The connection for change notices failed; the server opens it again, and sees changes by other API servers later until then.")]
    private static partial void NotListening(ILogger logger, Exception exception);

    [LoggerMessage(23, LogLevel.Warning, "Change notices could not be sent; other API servers see the changes later.")]
    private static partial void NotSent(ILogger logger, Exception exception);
}
