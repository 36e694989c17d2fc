using System.Diagnostics;

namespace Load.Scenarios;

/// <summary>The memory that many connections cost a server.</summary>
internal static class Idle
{
    public static Dictionary<string, double> Measure(Round round, int connections, Func<IDisposable> connect)
    {
        Thread.Sleep(TimeSpan.FromSeconds(round.WarmUp));
        var before = round.Server.Cost();
        var held = new List<IDisposable>(connections);
        try
        {
            var start = Stopwatch.GetTimestamp();
            for (var i = 0; i < connections; i++)
            {
                held.Add(connect());
            }

            var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            Thread.Sleep(TimeSpan.FromSeconds(round.Seconds));
            var after = round.Server.Cost();
            return new Dictionary<string, double>
            {
                ["KiB_per_connection"] = (after.ResidentKiB - before.ResidentKiB) / (double)connections,
                ["resident_MiB"] = after.ResidentKiB / 1024.0,
                ["peak_MiB"] = after.PeakKiB / 1024.0,
                ["connects_per_s"] = connections / seconds,
            };
        }
        finally
        {
            held.ForEach(static one => one.Dispose());
        }
    }
}
