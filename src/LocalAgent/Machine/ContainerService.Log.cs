using Microsoft.Extensions.Logging;

namespace LocalAgent.Machine;

internal sealed partial class ContainerService
{
    [LoggerMessage(EventId = 4001, Level = LogLevel.Warning, Message = "The devcontainer {Id} could not be recreated.")]
    private static partial void NotRecreated(ILogger logger, Guid id);
}
