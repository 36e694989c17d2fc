namespace Edge.Telemetry;

internal sealed partial class PrometheusExporter
{
    [LoggerMessage(1, LogLevel.Warning, "Some observable metrics could not be read.")]
    private static partial void LogObservationFailed(ILogger logger, Exception exception);

    [LoggerMessage(2, LogLevel.Warning, "Instrument {Instrument} of meter {Meter} is not exported: {Name} already exists with another type.")]
    private static partial void LogConflict(ILogger logger, string instrument, string meter, string name);
}
