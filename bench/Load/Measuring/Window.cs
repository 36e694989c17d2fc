using System.Diagnostics;
using Load.Scenarios;

namespace Load.Measuring;

/// <summary>What was seen of a server in the measured time of one round.</summary>
/// <param name="Seconds">Wall time.</param>
/// <param name="Units">Packets, messages, requests or bytes done.</param>
/// <param name="Before">The server's cost at its begin.</param>
/// <param name="After">The server's cost at its end.</param>
/// <param name="Allocated">Bytes of managed memory, where the server tells.</param>
/// <param name="SystemCalls">Of all the server's processes, where they were counted.</param>
internal sealed record Window(double Seconds, double Units, ProcessCost Before, ProcessCost After, double? Allocated, double? SystemCalls)
{
    /// <summary>Processor seconds.</summary>
    public double Processor => After.Processor - Before.Processor;

    /// <summary>
    /// Warms up, then measures a counter and the server's cost over the time of a round. <paramref name="count"/>
    /// returns the number of units done so far.
    /// </summary>
    public static Window Watch(Round round, Func<long> count)
    {
        Thread.Sleep(TimeSpan.FromSeconds(round.WarmUp));

        // Asking allocates too: what one asking takes is known from two in a row, and is taken off again.
        var (first, second) = (AllocatedBytes.Of(round.Server), AllocatedBytes.Of(round.Server));
        using var calls = round.SystemCalls?.Begin(round.Server.Processes, round.Seconds);
        var before = round.Server.Cost();
        var units = count();
        var start = Stopwatch.GetTimestamp();
        Thread.Sleep(TimeSpan.FromSeconds(round.Seconds));
        var after = round.Server.Cost();
        var done = count() - units;
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        var allocated = AllocatedBytes.Of(round.Server) - second - (second - first);
        return done > 0
            ? new Window(seconds, done, before, after, allocated is { } bytes ? Math.Max(0, bytes) : null, calls?.End() * seconds)
            : throw new InvalidOperationException("nothing came through");
    }

    /// <summary>The figures beside processor time that every window has, for units of so many counted ones.</summary>
    /// <param name="figures">Where they go.</param>
    /// <param name="per">How many counted units one reported unit is.</param>
    public void Report(IDictionary<string, double> figures, double per = 1)
    {
        var units = Units / per;
        figures["switches_per_unit"] = (After.Switches - Before.Switches) / units;
        figures["resident_MiB"] = After.ResidentKiB / 1024.0;
        figures["peak_MiB"] = After.PeakKiB / 1024.0;
        if (Allocated is { } bytes)
        {
            figures["allocated_bytes_per_unit"] = bytes / units;
        }

        if (SystemCalls is { } calls)
        {
            figures[Figures.SystemCalls] = calls / units;
        }
    }
}
