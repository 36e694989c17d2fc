using Microsoft.Extensions.Logging;

namespace ControlPlane.Dialing;

internal sealed partial class TcpSocket
{
    [LoggerMessage(40, LogLevel.Error, "The WebSocket of a TCP connection to an agent failed; the server closes it.")]
    private static partial void ServingFailed(ILogger logger, Exception exception);
}
