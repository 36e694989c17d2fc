using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Micro;

/// <summary>
/// The exact allocations of each operation, against a baseline in the repository. A run takes seconds. It prints
/// times, but only allocations can fail it.
/// </summary>
internal static class AllocationGates
{
    public const string FileName = "allocations.json";

    private const int Operations = 1000;

    internal static readonly JsonSerializerOptions Format =
        new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>Compares with the baseline; more than it by a twentieth fails, and so does an operation that it does not know.</summary>
    /// <returns>0 when all hold, else 1.</returns>
    public static int Check(string baselineFile)
    {
        var baseline = JsonSerializer.Deserialize<Baseline>(File.ReadAllText(baselineFile), Format)!;
        var failed = 0;
        foreach (var (name, bytes, nanoseconds) in MeasureAll())
        {
            var holds = baseline.BytesPerOperation.TryGetValue(name, out var most) && bytes <= most * 1.05;
            failed += holds ? 0 : 1;
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{(holds ? "ok    " : "FAILED")} {name}: {bytes:0.##} bytes, baseline {most:0.##}; about {nanoseconds:0} ns"));
        }

        return failed == 0 ? 0 : 1;
    }

    /// <summary>Writes a new baseline.</summary>
    public static int Write(string file)
    {
        var baseline = new Baseline(
            DateTime.UtcNow.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
            Machine.Describe(),
            new SortedDictionary<string, double>(
                MeasureAll().ToDictionary(static one => one.Name, static one => one.Bytes), StringComparer.Ordinal));
        File.WriteAllText(file, JsonSerializer.Serialize(baseline, Format) + "\n");
        return 0;
    }

    private static IEnumerable<(string Name, double Bytes, double Nanoseconds)> MeasureAll() => HotPaths.All.Select(static one =>
    {
        var (bytes, nanoseconds) = Measure(one.Operation);
        return (one.Name, bytes, nanoseconds);
    });

    // The least of several tries: what the runtime itself allocates, as it compiles a method anew, is not the operation's.
    private static (double Bytes, double Nanoseconds) Measure(Action operation)
    {
        var least = long.MaxValue;
        var quickest = double.MaxValue;
        for (var round = 0; round < 5; round++)
        {
            var start = Stopwatch.GetTimestamp();
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < Operations; i++)
            {
                operation();
            }

            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
            quickest = Math.Min(quickest, Stopwatch.GetElapsedTime(start).TotalNanoseconds);
        }

        return (least / (double)Operations, quickest / Operations);
    }

    /// <summary>The baseline file.</summary>
    private sealed record Baseline(string Date, string Machine, IDictionary<string, double> BytesPerOperation);
}
