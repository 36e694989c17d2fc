using Microsoft.Extensions.Logging;

namespace ControlPlane.Logs;

internal sealed partial class LogTails
{
    [LoggerMessage(25, LogLevel.Error, "The log of the agent {AgentId} could not be read for its followers; it is tried again.")]
    private static partial void NotRead(ILogger logger, Guid agentId, Exception exception);
}
