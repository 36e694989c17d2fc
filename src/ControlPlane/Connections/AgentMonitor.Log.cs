using Microsoft.Extensions.Logging;

namespace ControlPlane.Connections;

internal sealed partial class AgentMonitor
{
    [LoggerMessage(4, LogLevel.Information, "The agent {AgentId} does not answer pings; its connection is closed.")]
    private static partial void Unresponsive(ILogger logger, Guid agentId);

    [LoggerMessage(5, LogLevel.Error, "The connection state of the agent {AgentId} could not be stored.")]
    private static partial void StoreFailed(ILogger logger, Guid agentId, Exception exception);
}
