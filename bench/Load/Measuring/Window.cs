using System.Diagnostics;

namespace Load.Measuring;

/// <summary>The measured time of one round: warm up, then watch a counter and the server's cost for so long.</summary>
internal static class Window
{
    /// <summary>Measures; <paramref name="count"/> is the number of units done so far.</summary>
    /// <returns>Seconds of wall time, units done, processor seconds and context switches of the server in that time.</returns>
    public static (double Seconds, double Units, double Processor, double Switches) Watch(int process, double warmUp, double seconds, Func<long> count)
    {
        Thread.Sleep(TimeSpan.FromSeconds(warmUp));
        var before = ProcessCost.Of(process);
        var units = count();
        var start = Stopwatch.GetTimestamp();
        Thread.Sleep(TimeSpan.FromSeconds(seconds));
        var after = ProcessCost.Of(process);
        var done = count() - units;
        return done > 0
            ? (Stopwatch.GetElapsedTime(start).TotalSeconds, done, after.Processor - before.Processor, after.Switches - before.Switches)
            : throw new InvalidOperationException("nothing came through");
    }
}
