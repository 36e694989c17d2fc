using System.Globalization;
using Load.Scenarios;
using Load.Statistics;

namespace Load.Results;

/// <summary>One line of the comparison: a server at one point of a scenario, and how Edge's figure relates to it (nothing on Edge's own line).</summary>
internal sealed record Row(string Scenario, string Point, string Figure, string Server, Series Series, Comparison? Edge)
{
    /// <summary>The ratio in words, or why there is none.</summary>
    public string RatioText() => Edge switch
    {
        null => "",
        { Ratio: { } ratio, Spread: var spread } => Format($"{ratio:0.00} [{spread.Low:0.00} – {spread.High:0.00}]"),
        { Why: var why } => $"– ({why})",
    };

    /// <summary>Median and quartiles.</summary>
    public string FigureText() => Format($"{Series.Median:0.###} [{Series.Low:0.###} – {Series.High:0.###}]");

    private static string Format(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}

/// <summary>Medians, spread and ratios of a run.</summary>
internal static class Table
{
    /// <summary>The rows of each scenario's main figure.</summary>
    public static List<Row> Of(IEnumerable<Sample> samples)
    {
        var rows = new List<Row>();
        foreach (var point in samples.GroupBy(static sample => (sample.Scenario, Point: sample.Point())))
        {
            var figure = Catalog.All.FirstOrDefault(one => one.Name == point.Key.Scenario)?.Main ?? point.First().Figures.Keys.First();
            var servers = point.GroupBy(static sample => sample.Server).ToDictionary(static group => group.Key, group => Values(group, figure));
            foreach (var (server, values) in servers)
            {
                var edge = server != "edge" && servers.TryGetValue("edge", out var mine) ? Comparison.Of(mine, values) : (Comparison?)null;
                rows.Add(new Row(point.Key.Scenario, point.Key.Point, figure, server, Series.Of(values.Select(static one => one.Value)), edge));
            }
        }

        return rows;
    }

    public static List<Measured> Values(IEnumerable<Sample> samples, string figure) =>
        [.. samples.Where(sample => sample.Figures.ContainsKey(figure)).Select(sample => new Measured(sample.At, sample.Figures[figure]))];

    public static void Print(IEnumerable<Row> rows, TextWriter to)
    {
        foreach (var group in rows.GroupBy(static row => (row.Scenario, row.Point, row.Figure)))
        {
            to.WriteLine($"\n{group.Key.Scenario} ({group.Key.Point}): {group.Key.Figure}, median [quartiles]");
            foreach (var row in group)
            {
                to.WriteLine($"  {row.Server,-10} {row.FigureText(),-34} {(row.Edge is null ? "" : $"edge / {row.Server}: {row.RatioText()}")}");
            }
        }
    }
}
