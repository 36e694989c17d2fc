namespace Edge.Listeners;

internal sealed partial class EdgeConnections
{
    [LoggerMessage(1030, LogLevel.Debug, "Connection {ConnectionId} was refused: {Reason}.")]
    private partial void LogRefused(string connectionId, string reason);

    [LoggerMessage(
        1031, LogLevel.Warning,
        "{Count} connections were refused since the last such line (one a minute at most). Cause of the last one: {Cause}.")]
    private partial void LogRefusals(long count, string cause);

    [LoggerMessage(1032, LogLevel.Debug, "Connection {ConnectionId} was closed before its socket options were set.")]
    private partial void LogNoTuning(string connectionId, Exception exception);

    [LoggerMessage(
        1033, LogLevel.Debug,
        "Connection {ConnectionId} of a trusted proxy ended before its first bytes were complete: {Cause}.")]
    private partial void LogNoProxyHeader(string connectionId, string cause);
}
