using Microsoft.Extensions.Logging;

namespace ControlPlane.Http;

internal sealed partial class WriteOnlySocket
{
    [LoggerMessage(16, LogLevel.Error, "The writer of a WebSocket failed; the server closes the WebSocket.")]
    private static partial void WriterFailed(ILogger logger, Exception exception);
}
