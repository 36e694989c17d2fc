using Microsoft.Extensions.Logging;

namespace ControlPlane.Statistics;

internal sealed partial class StatsBuffer
{
    [LoggerMessage(21, LogLevel.Error, "The agents' statistics could not be stored; the server tries again with the next ones.")]
    private static partial void NotStored(ILogger logger, Exception exception);
}
