using System.Globalization;
using Load.Results;
using Load.Scenarios;
using Load.Servers;
using Load.Statistics;

namespace Load;

/// <summary>A gate: Edge's figure over the floor's may not be more than this.</summary>
internal sealed record Gate(string Scenario, string Figure, double Most)
{
    /// <summary>
    /// About twice the ratios measured when the gate was set (2.35, 2.2, 1.4 and 13.5 to 16.3), so that a change that
    /// doubles a cost fails and noise does not. A ratio is the median over rounds of neighbouring measurements, which
    /// other work on the machine hardly changes.
    /// </summary>
    public static readonly IReadOnlyList<Gate> All =
    [
        new("derp-throughput", "cpu_s_per_million", 5),
        new("stream-echo", "cpu_s_per_million", 5),
        new("stream-bulk", "cpu_s_per_GiB", 3),
        new("rest", "cpu_s_per_million", 32),
    ];

    /// <summary>The ratio found in samples, or null where one of the two was not measured.</summary>
    public double? Ratio(IReadOnlyList<Sample> samples)
    {
        var ratios = Comparison.Ratios(Of(samples, ServerCatalog.Edge), Of(samples, "floor"));
        return ratios.Count > 0 ? Series.Of(ratios).Median : null;
    }

    private List<Measured> Of(IEnumerable<Sample> samples, string server) =>
        Table.Values(samples.Where(sample => sample.Scenario == Scenario && sample.Server == server), Figure);
}

/// <summary>Half a minute of load whose figures are held against the floor's.</summary>
internal static class Smoke
{
    /// <returns>0 when every gate holds, else 1.</returns>
    public static async Task<int> RunAsync(Options options)
    {
        using var bench = new Bench(options.Paths);
        List<Scenario> scenarios = [.. Catalog.All.Where(static one => Gate.All.Any(gate => gate.Scenario == one.Name))];
        var (result, failures) = await bench.RunAsync(new Plan(scenarios, [ServerCatalog.Edge, "floor"], 4, 0.3, 0.6, options.Points));
        if (options.Json is { } path)
        {
            result.Write(path);
        }

        failures.ForEach(Console.Error.WriteLine);
        var failed = failures.Count;
        foreach (var gate in Gate.All)
        {
            var ratio = gate.Ratio(result.Samples);
            var holds = ratio <= gate.Most;
            failed += holds ? 0 : 1;
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{(holds ? "ok    " : "FAILED")} {gate.Scenario}: {gate.Figure} is {ratio:0.00} x the floor's, at most {gate.Most:0.00}"));
        }

        return failed == 0 ? 0 : 1;
    }
}
