using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;

namespace ControlPlane.Hosting;

/// <summary>
/// Restarts background loops after exceptions. Each exception is logged with its stack trace, and counted by <c>edge.background.faults</c>
/// of the meter <c>ControlPlane</c>.
/// </summary>
public static partial class BackgroundLoop
{
    private static readonly TimeSpan FirstDelay = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan MaxDelay = TimeSpan.FromMinutes(1);

    // One counter per process, for the loops of all its hosts.
    private static readonly Counter<long> Faults = new Meter("ControlPlane").CreateCounter<long>(
        "edge.background.faults", "{fault}", "Exceptions that ended a background loop, which was started again, by service.");

    /// <summary>
    /// Runs a loop until it returns or is cancelled. After an exception the loop is started again with exponential backoff, from 1 s to 1
    /// min. Does not throw.
    /// </summary>
    /// <param name="service">The loop's name in the log and in the metric.</param>
    /// <param name="loop">The loop, which is called again after an exception.</param>
    /// <param name="time">The clock of the backoff.</param>
    /// <param name="logger">The log for exceptions.</param>
    /// <param name="stop">Cancels the loop. An exception after the cancellation is not a fault.</param>
    public static async Task RunAsync(
        string service, Func<CancellationToken, Task> loop, TimeProvider time, ILogger logger, CancellationToken stop)
    {
        var delay = FirstDelay;
        while (!stop.IsCancellationRequested)
        {
            var start = time.GetTimestamp();
            try
            {
                await loop(stop);
                return;
            }
            catch (Exception) when (stop.IsCancellationRequested)
            {
                // Any exception after the cancellation means that the loop has ended.
                return;
            }
            catch (Exception exception)
            {
                // A loop that ran without a fault for longer than the maximum resets the backoff.
                delay = time.GetElapsedTime(start) > MaxDelay ? FirstDelay : delay;
                Faults.Add(1, new KeyValuePair<string, object?>("service", service));
                Failed(logger, service, delay.TotalSeconds, exception);
            }

            await Task.Delay(delay, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            delay = delay * 2 < MaxDelay ? delay * 2 : MaxDelay;
        }
    }

    [LoggerMessage(12, LogLevel.Error, "The background service {Service} has failed; it restarts in {Seconds} s.")]
    private static partial void Failed(ILogger logger, string service, double seconds, Exception exception);
}
