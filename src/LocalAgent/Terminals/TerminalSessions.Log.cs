using Microsoft.Extensions.Logging;

namespace LocalAgent.Terminals;

internal sealed partial class TerminalSessions
{
    [LoggerMessage(EventId = 4004, Level = LogLevel.Error, Message = "No terminal could be started.")]
    private static partial void StartFailed(ILogger logger, Exception exception);
}
