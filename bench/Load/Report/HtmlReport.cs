using System.Globalization;
using System.Net;
using System.Text;
using Load.Results;
using Load.Statistics;

namespace Load.Report;

/// <summary>A page of its own, without anything to load: tables and pictures. The pictures are also written beside it, as SVG files.</summary>
internal static class HtmlReport
{
    private const string Style =
        "body{font:15px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#222}table{border-collapse:collapse}"
        + "td,th{padding:.2em .8em;border-bottom:1px solid #ddd;text-align:left}small{color:#666}svg{max-width:100%;height:auto}";

    private static readonly double[] Percentiles = [50, 90, 99, 99.9];

    public static void Write(IReadOnlyList<ResultFile> results, string path)
    {
        var pictures = new List<(string Name, string Svg)>();
        var html = new StringBuilder($"<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Edge: load figures</title><style>{Style}</style><h1>Load figures</h1>\n");
        foreach (var result in results)
        {
            var machine = result.Machine;
            html.Append(CultureInfo.InvariantCulture, $"<p>{result.Date:yyyy-MM-dd HH:mm} UTC; {Text(machine.Processor)}, {machine.Cores} cores, {machine.MemoryGiB} GiB, ")
                .Append(CultureInfo.InvariantCulture, $"Linux {Text(machine.Kernel)}, {Text(machine.Runtime)}; load average at the start {machine.LoadAverage}. ")
                .Append("Figures are medians with quartiles; a ratio is the median over neighbouring measurements of Edge and the other server, and less than 1 is better for Edge. ")
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

    private static void Section(StringBuilder html, List<(string Name, string Svg)> pictures, string scenario, IReadOnlyList<Sample> samples)
    {
        var rows = Table.Of(samples);
        html.Append(CultureInfo.InvariantCulture, $"<h2>{Text(scenario)}</h2>\n");
        foreach (var point in rows.GroupBy(static row => row.Point))
        {
            html.Append(CultureInfo.InvariantCulture, $"<p>{Text(point.First().Figure)} <small>{Text(point.Key)}</small></p>\n");
            Picture(html, pictures, pictures.Exists(one => one.Name == scenario) ? $"{scenario}-{pictures.Count}" : scenario, Plots.Bars([.. point]));
            html.Append("<table><tr><th>server<th>median [quartiles]<th>Edge / server</tr>\n");
            foreach (var row in point)
            {
                html.Append(CultureInfo.InvariantCulture, $"<tr><td>{Text(row.Server)}<td>{Text(row.FigureText())}<td>{Text(row.RatioText())}</tr>\n");
            }

            html.Append("</table>\n");
        }

        if (Swept(samples) is { } parameter)
        {
            html.Append(CultureInfo.InvariantCulture, $"<p>{Text(rows[0].Figure)} by {Text(parameter)}</p>\n");
            Picture(html, pictures, $"{scenario}-by-{parameter}", Plots.Growth(
                [.. samples.GroupBy(sample => (sample.Server, X: sample.Parameters[parameter]))
                    .Select(group => (group.Key.Server, (double)group.Key.X, Series.Of(Table.Values(group, rows[0].Figure).Select(static one => one.Value))))]));
        }
        else if (samples[0].Figures.ContainsKey("p50_us"))
        {
            html.Append("<p>µs by percentile</p>\n");
            Picture(html, pictures, $"{scenario}-percentiles", Plots.Percentiles(
                [.. samples.GroupBy(static sample => sample.Server).SelectMany(static group => Percentiles.Select(percentile => (group.Key, percentile,
                    Series.Of(group.Select(sample => sample.Figures[string.Create(CultureInfo.InvariantCulture, $"p{percentile}_us")])))))]));
        }
    }

    private static string? Swept(IReadOnlyList<Sample> samples) =>
        samples[0].Parameters.Keys.FirstOrDefault(name => samples.Select(sample => sample.Parameters[name]).Distinct().Count() > 1);

    private static void Picture(StringBuilder html, List<(string Name, string Svg)> pictures, string name, string svg)
    {
        pictures.Add((name, svg));
        html.Append(svg);
    }

    private static string Text(string text) => WebUtility.HtmlEncode(text);
}
