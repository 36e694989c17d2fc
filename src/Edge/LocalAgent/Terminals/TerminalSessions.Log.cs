namespace Edge.LocalAgent.Terminals;

internal sealed partial class TerminalSessions
{
    [LoggerMessage(EventId = 1038, Level = LogLevel.Error, Message = "No terminal could be started.")]
    private static partial void StartFailed(ILogger logger, Exception exception);
}
