using System.Diagnostics.Metrics;
using System.Net;

namespace Edge.Listeners;

/// <summary>
/// Counts the times that a listener had no descriptor or no memory for a new connection. The log has a line for the
/// first one, and then at most one a minute.
/// </summary>
internal sealed partial class AcceptErrors
{
    private static readonly TimeSpan Period = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private readonly Counter<long> _errors;
    private readonly TimeProvider _time;
    private readonly ILogger<AcceptErrors> _logger;
    private long? _loggedAt;
    private long _count;

    public AcceptErrors(IMeterFactory meters, TimeProvider time, ILogger<AcceptErrors> logger)
    {
        _errors = meters.Create(AccessMetrics.MeterName).CreateCounter<long>(
            "edge.accept.errors", "{error}", "Times that a listener could accept no connection for want of file descriptors or memory.");
        (_time, _logger) = (time, logger);
    }

    public void Count(EndPoint listener, string cause)
    {
        _errors.Add(1);
        long count;
        lock (_lock)
        {
            _count++;
            if (_loggedAt is { } at && _time.GetElapsedTime(at) < Period)
            {
                return;
            }

            _loggedAt = _time.GetTimestamp();
            (count, _count) = (_count, 0);
        }

        LogWaiting(_logger, listener, cause, count);
    }

    [LoggerMessage(
        EventId = 1023, Level = LogLevel.Warning,
        Message = "Listener {Listener} does not accept connections for now: {Cause}. "
            + "This has happened {Count} times since the last such line (one a minute at most)")]
    private static partial void LogWaiting(ILogger logger, EndPoint listener, string cause, long count);
}
