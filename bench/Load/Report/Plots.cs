using System.Globalization;
using Load.Results;
using Load.Scenarios;
using Load.Statistics;

namespace Load.Report;

/// <summary>The three kinds of picture: bars with spread, growth over a sweep, and percentiles of latency.</summary>
internal static class Plots
{
    private const int Width = 760;
    private const int Left = 110;
    private const int Right = 220;
    private const int LabelWidth = 36;

    /// <summary>A bar for each server: its median, with a line from the first to the third quartile.</summary>
    public static string Bars(IReadOnlyList<Row> rows)
    {
        var most = rows.Max(static row => Math.Max(row.Series.High, row.Series.Median)) is > 0 and var top ? top : 1;
        var scale = (Width - Left - Right) / most;
        var svg = new Svg(Width, 10 + (28 * rows.Count));
        for (var i = 0; i < rows.Count; i++)
        {
            var (y, row) = (8 + (28 * i), rows[i]);
            svg.Text(Left - 8, y + 14, row.Server, "end")
                .Box(Left, y, row.Series.Median * scale, 20, row.Server == "edge" ? Svg.Colours[0] : Svg.Colours[6])
                .Line(Left + (row.Series.Low * scale), y + 10, Left + (row.Series.High * scale), y + 10, "#222", 2)
                .Text(Left + (row.Series.High * scale) + 8, y + 14, row.FigureText());
        }

        return svg.ToString();
    }

    /// <summary>How a figure grows with a parameter; both axes are logarithmic, so a cost that stays flat is a level line.</summary>
    public static string Growth(
        IReadOnlyList<(string Server, double X, Series Series)> points, string? title = null, string? caption = null) =>
        Curves(
            title,
            caption,
            [.. points.Select(static point =>
                (point.Server, Math.Log10(Math.Max(point.X, 1)), Math.Log10(Math.Max(point.Series.Median, 1e-6)), Number(point.X)))],
            [.. points.Select(static point => point.Series.Median)]);

    /// <summary>
    /// Latency in µs by percentile, one line for each server. The axis of percentiles is logarithmic: it counts
    /// nines. Null where there are no latencies.
    /// </summary>
    public static string? PercentilesOf(IEnumerable<Sample> samples, string? title = null, string? caption = null)
    {
        List<Sample> with = [.. samples.Where(static sample => Figures.Percentiles.All(one => sample.Figures.ContainsKey(one.Name)))];
        if (with.Count == 0)
        {
            return null;
        }

        var parameter = Table.Swept(with);
        var points = with
            .GroupBy(sample => parameter is null ? sample.Server : $"{sample.Server}, {parameter} {Number(sample.Parameters[parameter])}")
            .SelectMany(static group => Figures.Percentiles.Select(
                one => (Server: group.Key, one.Percentile, Series.Of(group.Select(sample => sample.Figures[one.Name])).Median)))
            .ToList();
        return Curves(
            title, caption,
            [.. points.Select(static point => (
                point.Server, -Math.Log10(1 - (point.Percentile / 100)), Math.Log10(Math.Max(point.Median, 1)),
                $"p{Number(point.Percentile)}"))],
            [.. points.Select(static point => point.Median)]);
    }

    private static string Curves(
        string? title, string? caption, IReadOnlyList<(string Server, double X, double Y, string Label)> points,
        IReadOnlyList<double> values)
    {
        var head = title is null ? 0 : 44;
        var height = 280 + head;
        var svg = new Svg(Width, height);
        if (title is not null)
        {
            svg.Text(8, 18, title).Text(8, 36, caption ?? "", colour: Svg.Faint);
        }

        var (left, right) = (points.Min(static point => point.X), points.Max(static point => point.X));
        var (bottom, top) = (Math.Floor(points.Min(static point => point.Y)), Math.Ceiling(points.Max(static point => point.Y)));
        double AtX(double x) => 60 + ((right > left ? (x - left) / (right - left) : 0.5) * (Width - 60 - Right));
        double AtY(double y) => head + 20 + ((top > bottom ? (top - y) / (top - bottom) : 0.5) * (height - head - 60));
        for (var power = bottom; power <= top; power++)
        {
            svg.Line(60, AtY(power), Width - Right, AtY(power), "#ddd").Text(54, AtY(power) + 4, Number(Math.Pow(10, power)), "end");
        }

        var taken = double.MinValue;
        foreach (var (x, label) in points.Select(static point => (point.X, point.Label)).Distinct().OrderBy(static one => one.X))
        {
            if (AtX(x) - taken >= LabelWidth)
            {
                taken = AtX(x);
                svg.Text(taken, height - 16, label, "middle");
            }
        }

        var ends = new List<(double Y, string Text, string Colour)>();
        var servers = points.Select(static point => point.Server).Distinct().ToList();
        for (var s = 0; s < servers.Count; s++)
        {
            var colour = Svg.Colours[s % Svg.Colours.Count];
            var line = points.Index().Where(point => point.Item.Server == servers[s]).OrderBy(static point => point.Item.X).ToList();
            for (var i = 0; i < line.Count; i++)
            {
                var (x, y) = (AtX(line[i].Item.X), AtY(line[i].Item.Y));
                svg.Dot(x, y, colour);
                if (i > 0)
                {
                    svg.Line(AtX(line[i - 1].Item.X), AtY(line[i - 1].Item.Y), x, y, colour, 2);
                }
            }

            ends.Add((
                AtY(line[^1].Item.Y) + 4,
                $"{servers[s]} {Number(Math.Round(values[line[^1].Index], values[line[^1].Index] < 100 ? 2 : 0))}",
                colour));
        }

        // Names do not lie on each other, however near the lines end.
        var least = double.MinValue;
        foreach (var (y, text, colour) in ends.OrderBy(static end => end.Y))
        {
            least = Math.Max(y, least + 14);
            svg.Text(Width - Right + 10, least, text, colour: colour);
        }

        return svg.ToString();
    }

    private static string Number(double number) => number.ToString("0.####", CultureInfo.InvariantCulture);
}
