using Microsoft.Extensions.Logging;

namespace ControlPlane.Logs;

internal sealed partial class LogTails
{
    [LoggerMessage(19, LogLevel.Error, "The log of the agent {AgentId} could not be read for its followers; the server tries again.")]
    private static partial void NotRead(ILogger logger, Guid agentId, Exception exception);

    [LoggerMessage(20, LogLevel.Error, "The log of the agent {AgentId} cannot be followed; the server closes its followers.")]
    private static partial void Failed(ILogger logger, Guid agentId, Exception exception);
}
