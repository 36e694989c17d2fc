using System.Globalization;
using System.Net;
using System.Text;
using Load.Results;
using Load.Statistics;

namespace Load.Report;

/// <summary>
/// One HTML page with tables and pictures, which loads nothing else. The pictures are also written beside it, as SVG files.
/// </summary>
internal static class HtmlReport
{
    private const string Style =
        "body{font:15px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#222}table{border-collapse:collapse}"
        + "td,th{padding:.2em .8em;border-bottom:1px solid #ddd;text-align:left;"
        + "vertical-align:top}small{color:#666}svg{max-width:100%;height:auto}";

    // Two values are a comparison, not a curve.
    private const int LeastForGrowth = 3;

    public static void Write(IReadOnlyList<ResultFile> results, string path)
    {
        var pictures = new List<(string Name, string Svg)>();
        var html = new StringBuilder("<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">"
            + $"<title>Edge: load figures</title><style>{Style}</style><h1>Load figures</h1>\n");
        foreach (var result in results)
        {
            html.Append(CultureInfo.InvariantCulture, $"<p>{Text(result.Machine.Describe(result.Date))}; {Text(result.Machine.Runtime)}. ")
                .Append("Figures are medians with quartiles; a ratio is the median over neighbouring measurements of Edge and the other "
                    + "server, and less than 1 is better for Edge. ")
                .Append("There is none where the spread is wider than the difference.</p>\n");
            foreach (var scenario in result.Samples.GroupBy(static sample => sample.Scenario))
            {
                Section(html, pictures, scenario.Key, [.. scenario]);
            }
        }

        File.WriteAllText(path, html.Append("</html>\n").ToString());
        foreach (var (name, svg) in pictures)
        {
            File.WriteAllText(Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path))!, name + ".svg"), svg);
        }
    }

    private static void Section(
        StringBuilder html, List<(string Name, string Svg)> pictures, string scenario, IReadOnlyList<Sample> samples)
    {
        var rows = Table.Of(samples);
        html.Append(CultureInfo.InvariantCulture, $"<h2>{Text(scenario)}</h2>\n");
        foreach (var point in rows.GroupBy(static row => row.Point))
        {
            html.Append(CultureInfo.InvariantCulture, $"<p>{Text(point.First().Figure)} <small>{Text(point.Key)}</small></p>\n");
            Picture(html, pictures, scenario, Plots.Bars([.. point]));
            html.Append("<table><tr><th>server<th>median [quartiles]<th>Edge / server<th>medians of the rest</tr>\n");
            foreach (var row in point)
            {
                html.Append(CultureInfo.InvariantCulture, $"<tr><td>{Text(row.Server)}<td>{Text(row.FigureText())}<td>"
                    + $"{Text(row.RatioText())}<td><small>{Text(row.OthersText())}</small></tr>\n");
            }

            html.Append("</table>\n");
            if (Plots.PercentilesOf(samples.Where(sample => sample.Point() == point.Key)) is { } percentiles)
            {
                html.Append("<p>µs by percentile</p>\n");
                Picture(html, pictures, $"{scenario}-percentiles", percentiles);
            }
        }

        if (Table.Swept(samples) is { } parameter)
        {
            Growth(html, pictures, samples, parameter);
        }
    }

    private static void Growth(
        StringBuilder html, List<(string Name, string Svg)> pictures, IReadOnlyList<Sample> samples, string parameter)
    {
        var (scenario, figure) = (samples[0].Scenario, Table.FigureOf(samples[0].Scenario, samples));
        html.Append(CultureInfo.InvariantCulture, $"<p>{Text(figure)} by {Text(parameter)}</p>\n");
        if (samples.Select(sample => sample.Parameters[parameter]).Distinct().Count() >= LeastForGrowth)
        {
            Picture(html, pictures, $"{scenario}-by-{parameter}", Plots.Growth(
                [.. samples.Where(sample => sample.Figures.ContainsKey(figure))
                    .GroupBy(sample => (sample.Server, X: sample.Parameters[parameter]))
                    .Select(group =>
                        (group.Key.Server, (double)group.Key.X, Series.Of(Table.Values(group, figure).Select(static one => one.Value))))]));
        }

        html.Append(CultureInfo.InvariantCulture, $"<table><tr><th>server<th>{Text(parameter)}<th>times the figure at the least</tr>\n");
        foreach (var step in Table.Steps(samples))
        {
            html.Append(
                CultureInfo.InvariantCulture, $"<tr><td>{Text(step.Server)}<td>{step.Value}<td>{Text(Row.TextOf(step.Growth))}</tr>\n");
        }

        html.Append("</table>\n");
    }

    // The first of a name has it alone; those of other points and files are numbered.
    private static void Picture(StringBuilder html, List<(string Name, string Svg)> pictures, string name, string svg)
    {
        pictures.Add((pictures.Exists(one => one.Name == name) ? $"{name}-{pictures.Count}" : name, svg));
        html.Append(svg);
    }

    private static string Text(string text) => WebUtility.HtmlEncode(text);
}
