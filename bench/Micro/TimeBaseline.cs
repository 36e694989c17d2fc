using System.Globalization;
using System.Text.Json;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;

namespace Micro;

/// <summary>
/// Times and allocations of all benchmarks as BenchmarkDotNet measures them, in a small file. The file is for people to
/// compare with; nothing fails because of it.
/// </summary>
internal static class TimeBaseline
{
    /// <summary>Measures, for some minutes, and writes the file.</summary>
    /// <returns>0 when every benchmark ran, else 1.</returns>
    public static int Write(string file)
    {
        var load = Machine.LoadAverage();

        // In this process: the usual way builds a project for each benchmark.
        var config = ManualConfig.CreateEmpty().AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance))
            .AddLogger(ConsoleLogger.Default)
            .AddColumnProvider(DefaultColumnProviders.Instance).AddDiagnoser(BenchmarkDotNet.Diagnosers.MemoryDiagnoser.Default);
        var reports = BenchmarkSwitcher.FromAssembly(typeof(TimeBaseline).Assembly).RunAll(config)
            .SelectMany(static summary => summary.Reports).ToList();
        var times = new SortedDictionary<string, Measured>(StringComparer.Ordinal);
        foreach (var report in reports)
        {
            if (report.ResultStatistics is { } statistics)
            {
                times[Name(report.BenchmarkCase)] = new Measured(
                    Math.Round(statistics.Mean, 2), Math.Round(statistics.StandardDeviation, 2),
                    report.GcStats.GetBytesAllocatedPerOperation(report.BenchmarkCase) ?? 0);
            }
        }

        var baseline = new
        {
            date = DateTime.UtcNow.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
            machine = Machine.Describe(),
            load_average = load,
            per_operation = times,
        };
        File.WriteAllText(file, JsonSerializer.Serialize(baseline, AllocationGates.Format) + "\n");
        return times.Count == reports.Count && times.Count > 0 ? 0 : 1;
    }

    private static string Name(BenchmarkCase one) =>
        $"{one.Descriptor.Type.Name}.{one.Descriptor.WorkloadMethod.Name}"
            + $"{(one.HasParameters ? $"({one.Parameters.DisplayInfo.Trim('[', ']')})" : "")}";

    private sealed record Measured(double Nanoseconds, double Deviation, long Bytes);
}
