using Microsoft.Extensions.Logging;

namespace ControlPlane.AgentRpc;

internal sealed partial class ResourcesRpc
{
    [LoggerMessage(
        3,
        LogLevel.Warning,
        "The {Resource} usage of the agent {AgentId} crossed its threshold of {Threshold} %; above it now: {IsOver}.")]
    private static partial void Changed(ILogger logger, string resource, Guid agentId, bool isOver, int threshold);
}
