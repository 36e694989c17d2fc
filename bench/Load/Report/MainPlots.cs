using System.Globalization;
using Load.Results;
using Load.Scenarios;
using Load.Statistics;

namespace Load.Report;

/// <summary>
/// The few pictures that the README shows: costs beside other servers, latencies, and growth. Each has its date and machine in it.
/// </summary>
internal static class MainPlots
{
    private const int Width = 760;
    private const int Left = 230;
    private const int LeastForGrowth = 3;
    private const double MostShown = 8;
    private const string LatencyFigure = "p99_us";

    /// <summary>
    /// The pictures for which the results have figures, with their file names. If several files have the same scenario, the
    /// last one counts.
    /// </summary>
    public static IEnumerable<(string Name, string Svg)> Of(IReadOnlyList<ResultFile> results)
    {
        var costs = new Dictionary<string, List<Row>>();
        var growth = new Dictionary<(string Scenario, string Parameter), List<(double X, double Times)>>();
        var caption = "";
        foreach (var result in results)
        {
            caption = result.Machine.Describe(result.Date);
            foreach (var scenario in result.Samples.GroupBy(static sample => sample.Scenario))
            {
                List<Sample> samples = [.. scenario];
                if (Table.Swept(samples) is { } parameter
                    && samples.Select(sample => sample.Parameters[parameter]).Distinct().Count() >= LeastForGrowth)
                {
                    growth[(scenario.Key, parameter)] = Times(samples);
                }
                else if (Table.FigureOf(scenario.Key, samples) != LatencyFigure && Table.Of(samples) is var rows
                    && rows.Exists(static row => row.Edge is not null))
                {
                    costs[scenario.Key] = rows;
                }
            }
        }

        if (costs.Count > 0)
        {
            yield return ("costs", Costs(
                [.. Catalog.All.Where(one => costs.ContainsKey(one.Name)).SelectMany(one => costs[one.Name])], caption));
        }

        foreach (var (scenario, samples, date) in Latencies(results))
        {
            if (Plots.PercentilesOf(samples, $"{scenario}, µs by percentile", date) is { } svg)
            {
                yield return (scenario, svg);
            }
        }

        if (growth.Count > 0)
        {
            yield return ("growth", Plots.Growth(
                [
                    .. growth.SelectMany(static one => one.Value.Select(point =>
                        (
                            $"{one.Key.Scenario} by {one.Key.Parameter}",
                            point.X,
                            new Series(point.Times, point.Times, point.Times, point.Times, point.Times)))),
                ],
                "Edge: cost of a unit, times that at the smallest size (a level line is flat growth)", caption));
        }
    }

    /// <summary>What each server costs, as a multiple of Edge's cost.</summary>
    private static string Costs(IReadOnlyList<Row> rows, string caption)
    {
        const int Top = 48;
        const int Line = 20;
        var most = Math.Min(MostShown, rows.Max(static row => row.Edge is { Spread.Median: > 0 } edge ? 1 / edge.Spread.Median : 1));
        var scale = (Width - Left - 130) / Math.Max(most, 1);
        var height = Top + (rows.Count * Line) + (rows.Select(static row => row.Scenario + row.Point).Distinct().Count() * Line) + 12;
        var svg = new Svg(Width, height).Text(8, 18, "What servers cost for the same work, Edge = 1 (less is better; line: quartiles)")
            .Text(8, 36, caption, colour: Svg.Faint);
        var y = Top;
        foreach (var point in rows.GroupBy(static row => (row.Scenario, row.Figure, row.Point)))
        {
            y += Line;
            svg.Text(8, y - 5, $"{point.Key.Scenario}: {point.Key.Figure}", colour: "#000");
            foreach (var row in point)
            {
                // A ratio is Edge over the server; a bar is the server over Edge.
                var spread = row.Edge is { } edge
                    ? new Series(1 / edge.Spread.Median, 1 / edge.Spread.High, 1 / edge.Spread.Low, 0, 0)
                    : new Series(1, 1, 1, 1, 1);
                var shown = Math.Min(spread.Median, most);
                var unresolved = row.Edge is { Ratio: null };
                svg.Text(Left - 8, y + 14, row.Server, "end")
                    .Box(Left, y + 2, shown * scale, 15, row.Server == "edge" ? Svg.Colours[0] : unresolved ? "#dddddd" : Svg.Colours[6]);
                if (row.Edge is not null)
                {
                    svg.Line(
                        Left + (Math.Min(spread.Low, most) * scale), y + 9, Left + (Math.Min(spread.High, most) * scale), y + 9, "#222", 2);
                }

                var text = string.Create(CultureInfo.InvariantCulture, $"{spread.Median:0.00}{(unresolved ? " (not resolved)" : "")}");
                svg.Text(Left + (Math.Min(Math.Max(spread.High, spread.Median), most) * scale) + 6, y + 14, text);
                y += Line;
            }
        }

        return svg.Line(Left + scale, Top, Left + scale, y, "#0072b2", 0.5).ToString();
    }

    private static IEnumerable<(string Scenario, List<Sample> Samples, string Caption)> Latencies(IReadOnlyList<ResultFile> results) =>
        results.SelectMany(static result => result.Samples.GroupBy(static sample => sample.Scenario).Select(group =>
                (group.Key, Samples: group.ToList(), Caption: result.Machine.Describe(result.Date))))
            .Where(static one => Table.FigureOf(one.Key, one.Samples) == LatencyFigure)
            .GroupBy(static one => one.Key).Select(static group => group.Last());

    // Edge's own medians over its median at the smallest step.
    private static List<(double X, double Times)> Times(List<Sample> samples)
    {
        var (figure, parameter) = (Table.FigureOf(samples[0].Scenario, samples), Table.Swept(samples)!);
        var medians = samples.Where(sample => sample.Server == "edge" && sample.Figures.ContainsKey(figure))
            .GroupBy(sample => sample.Parameters[parameter])
            .Select(group => (X: (double)group.Key, Median: Series.Of(group.Select(sample => sample.Figures[figure])).Median))
            .OrderBy(static one => one.X).ToList();
        return medians is [{ Median: > 0 } first, ..] ? [.. medians.Select(one => (one.X, one.Median / first.Median))] : [];
    }
}
