using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;

namespace ControlPlane.Hosting;

/// <summary>
/// Runs loops that must not die: a loop that throws is logged with its stack, counted (<c>edge.background.faults</c>, meter <c>ControlPlane</c>)
/// and started again after a wait.
/// </summary>
public static partial class BackgroundLoop
{
    private static readonly TimeSpan FirstWait = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(1);

    // One for the process: the loops of all hosts count here.
    private static readonly Counter<long> Faults = new Meter("ControlPlane").CreateCounter<long>(
        "edge.background.faults", "{fault}", "Exceptions that ended a background loop, which was started again, by service.");

    /// <summary>
    /// Runs a loop until it returns or is told to stop. When it throws, it is started again after 1 s, and after twice the wait of before, up to
    /// 1 min, while it goes on to throw. Does not throw.
    /// </summary>
    /// <param name="service">The loop's name in the log and in the metric.</param>
    /// <param name="loop">The loop. It may be called again after it has thrown.</param>
    /// <param name="time">Measures the waits.</param>
    /// <param name="logger">Hears of each exception.</param>
    /// <param name="stop">Ends the loop; what it throws then is not a fault.</param>
    public static async Task RunAsync(
        string service, Func<CancellationToken, Task> loop, TimeProvider time, ILogger logger, CancellationToken stop)
    {
        var wait = FirstWait;
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
                // The loop was told to stop: however it shows that, it has ended.
                return;
            }
            catch (Exception exception)
            {
                // A loop that has run for a while starts with the short wait again.
                wait = time.GetElapsedTime(start) > LongestWait ? FirstWait : wait;
                Faults.Add(1, new KeyValuePair<string, object?>("service", service));
                Failed(logger, service, wait.TotalSeconds, exception);
            }

            await Task.Delay(wait, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            wait = wait * 2 < LongestWait ? wait * 2 : LongestWait;
        }
    }

    [LoggerMessage(12, LogLevel.Error, "The background service {Service} has failed; it is started again in {Seconds} s.")]
    private static partial void Failed(ILogger logger, string service, double seconds, Exception exception);
}
