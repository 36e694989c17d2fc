using Load.Scenarios;
using Load.Statistics;

namespace Load.Results;

/// <summary>Medians, spread and ratios of a run.</summary>
internal static class Table
{
    /// <summary>The rows of each scenario's main figure.</summary>
    public static List<Row> Of(IEnumerable<Sample> samples)
    {
        var rows = new List<Row>();
        foreach (var point in samples.GroupBy(static sample => (sample.Scenario, Point: sample.Point())))
        {
            var figure = FigureOf(point.Key.Scenario, [.. point]);
            var servers = point.GroupBy(static sample => sample.Server)
                .Select(group => (group.Key, Values: Values(group, figure), Others: Others(group, figure)))
                .Where(static one => one.Values.Count > 0).ToList();
            var mine = servers.FirstOrDefault(static one => one.Key == "edge").Values;
            foreach (var (server, values, others) in servers)
            {
                var edge = server != "edge" && mine is not null ? Comparison.Of(mine, values) : (Comparison?)null;
                rows.Add(new Row(
                    point.Key.Scenario, point.Key.Point, figure, server, Series.Of(values.Select(static one => one.Value)), edge, others));
            }
        }

        return rows;
    }

    /// <summary>How the main figure of each scenario grows along the parameter that was swept, for each server.</summary>
    public static List<Step> Steps(IEnumerable<Sample> samples)
    {
        var steps = new List<Step>();
        foreach (var scenario in samples.GroupBy(static sample => sample.Scenario))
        {
            List<Sample> all = [.. scenario];
            if (Swept(all) is not { } parameter)
            {
                continue;
            }

            var figure = FigureOf(scenario.Key, all);
            foreach (var server in all.GroupBy(static sample => sample.Server))
            {
                var points = server.GroupBy(sample => sample.Parameters[parameter])
                    .Select(group => (group.Key, Values: Values(group, figure))).Where(static one => one.Values.Count > 0)
                    .OrderBy(static one => one.Key).ToList();
                steps.AddRange(points.Skip(1).Select(point => new Step(
                    scenario.Key, parameter, points[0].Key, point.Key, server.Key, Series.Of(point.Values.Select(static one => one.Value)),
                    Comparison.Of(point.Values, points[0].Values))));
            }
        }

        return steps;
    }

    /// <summary>The parameter that differs between samples of one scenario, or null.</summary>
    public static string? Swept(IReadOnlyList<Sample> samples) =>
        samples[0].Parameters.Keys.FirstOrDefault(name => samples.Select(sample => sample.Parameters[name]).Distinct().Count() > 1);

    public static List<Measured> Values(IEnumerable<Sample> samples, string figure) =>
        [.. samples.Where(sample => sample.Figures.ContainsKey(figure)).Select(sample => new Measured(sample.At, sample.Figures[figure]))];

    /// <summary>The figure that a scenario's servers are compared by.</summary>
    public static string FigureOf(string scenario, IReadOnlyList<Sample> samples) =>
        Catalog.All.FirstOrDefault(one => one.Name == scenario)?.Main ?? samples[0].Figures.Keys.First();

    public static void Print(IEnumerable<Row> rows, IEnumerable<Step> steps, TextWriter to)
    {
        foreach (var group in rows.GroupBy(static row => (row.Scenario, row.Point, row.Figure)))
        {
            to.WriteLine($"\n{group.Key.Scenario} ({group.Key.Point}): {group.Key.Figure}, median [quartiles]");
            foreach (var row in group)
            {
                to.WriteLine(
                    $"  {row.Server,-14} {row.FigureText(),-34} {(row.Edge is null ? "" : $"edge / {row.Server}: {row.RatioText()}")}");
                to.WriteLine($"  {"",-14}   {row.OthersText()}");
            }
        }

        foreach (var group in steps.GroupBy(static step => (step.Scenario, step.Parameter, step.First)))
        {
            to.WriteLine($"\n{group.Key.Scenario} by {group.Key.Parameter}: times the figure at {group.Key.First}");
            foreach (var step in group)
            {
                to.WriteLine($"  {step.Server,-14} {step.Value,-8} {Row.TextOf(step.Growth)}");
            }
        }
    }

    private static List<(string Name, double Median)> Others(IEnumerable<Sample> samples, string main) =>
    [
        .. samples.SelectMany(static sample => sample.Figures).Where(one => one.Key != main).GroupBy(static one => one.Key)
            .Select(static group => (group.Key, Series.Of(group.Select(static one => one.Value)).Median)),
    ];
}
