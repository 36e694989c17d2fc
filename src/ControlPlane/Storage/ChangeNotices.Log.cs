using Microsoft.Extensions.Logging;

namespace ControlPlane.Storage;

internal sealed partial class ChangeNotices
{
    [LoggerMessage(22, LogLevel.Warning, "The connection for change notices failed and is opened again; until then changes by other API servers are seen later.")]
    private static partial void NotListening(ILogger logger, Exception exception);

    [LoggerMessage(23, LogLevel.Warning, "Change notices could not be sent; other API servers see the changes later.")]
    private static partial void NotSaid(ILogger logger, Exception exception);
}
