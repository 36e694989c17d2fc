using Microsoft.Extensions.Logging;

namespace ControlPlane.Terminals;

internal sealed partial class TerminalSocket
{
    [LoggerMessage(EventId = 28, Level = LogLevel.Error, Message = "A terminal's WebSocket failed; the server closes it.")]
    private static partial void ServingFailed(ILogger logger, Exception exception);
}
