using Microsoft.Extensions.Logging;

namespace ControlPlane.Storage;

internal sealed partial class DatabaseHealth
{
    [LoggerMessage(24, LogLevel.Error, "Requests fail: {Reason} ({Database}: {Detail}).")]
    private static partial void Lost(ILogger logger, string reason, string database, string detail);

    [LoggerMessage(
        25, LogLevel.Information, "The database {Database} serves requests again, after {Seconds:0.0} s; {Failures} operations failed.")]
    private static partial void Recovered(ILogger logger, string database, double seconds, long failures);

    [LoggerMessage(26, LogLevel.Warning, "{Failures} operations failed in the database {Database} ({Detail}), which answers now.")]
    private static partial void BriefFailures(ILogger logger, long failures, string database, string detail);

    [LoggerMessage(27, LogLevel.Error, "The database {Database} could not be probed.")]
    private static partial void NotProbed(ILogger logger, string database, Exception exception);
}
