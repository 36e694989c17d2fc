using Microsoft.Extensions.Logging;

namespace ControlPlane.AgentRpc;

internal sealed partial class ResourcesRpc
{
    [LoggerMessage(3, LogLevel.Warning, "The {Resource} of the agent {AgentId} is over its threshold of {Threshold} %: {IsOver}.")]
    private static partial void Changed(ILogger logger, string resource, Guid agentId, bool isOver, int threshold);
}
