using Microsoft.Extensions.Logging;

namespace ControlPlane.Http;

internal sealed partial class WriteOnlySocket
{
    [LoggerMessage(16, LogLevel.Error, "A WebSocket's writer failed; the socket is closed.")]
    private static partial void WriterFailed(ILogger logger, Exception exception);
}
