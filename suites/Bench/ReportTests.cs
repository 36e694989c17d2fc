using System.Xml.Linq;
using Load.Report;
using Load.Results;

namespace Bench;

public sealed class ReportTests
{
    [Fact]
    public void PicturesAreWellFormedAndNameTheirServersAsText()
    {
        var svg = XDocument.Parse(new Svg(10, 10).Text(1, 2, "a < b & \"c\"").Box(0.5, 0, 1, 1, "#000").ToString());
        Assert.Contains(svg.Descendants(), static one => one.Value == "a < b & \"c\"");
        Assert.Contains(svg.Descendants(), static one => one.Attribute("x")?.Value == "0.5");
    }

    [Fact]
    public void AStepOfASweepIsComparedWithTheFirstOfTheSameRound()
    {
        // The machine gets ten times slower half way; beside its neighbours, four still costs thrice what none does.
        List<Sample> samples = [];
        foreach (var (round, at, speed) in new[] { (1, 0, 1), (2, 2, 1), (3, 1000, 10), (4, 1002, 10) })
        {
            samples.Add(new("pty", new() { ["bulk"] = 0 }, "edge", round, at, new() { ["p99_us"] = 5 * speed }));
            samples.Add(new("pty", new() { ["bulk"] = 4 }, "edge", round, at + 1, new() { ["p99_us"] = 15 * speed }));
        }

        var step = Assert.Single(Table.Steps(samples));
        Assert.Equal(("bulk", 0, 4, "edge"), (step.Parameter, step.First, step.Value, step.Server));
        Assert.Equal(3, step.Growth.Ratio);
    }

    [Fact]
    public void AReportShowsEveryServerGrowthAndPercentiles()
    {
        var samples = new List<Sample>();
        for (var round = 1; round <= 3; round++)
        {
            foreach (var (server, cost, offset) in new[] { ("edge", 2.0, 0), ("haproxy", 1.0, 1) })
            {
                foreach (var streams in new[] { 1, 10, 100 })
                {
                    samples.Add(new(
                        "stream-echo", new() { ["streams"] = streams }, server, round, (round * 2) + offset,
                        new() { ["cpu_s_per_million"] = cost }));
                }

                samples.Add(new(
                    "rest", new() { ["connections"] = 20 }, server, round, (round * 2) + offset, new() { ["cpu_s_per_million"] = cost }));
                samples.Add(new("stream-latency", new() { ["streams"] = 1 }, server, round, (round * 2) + offset, new()
                {
                    ["p50_us"] = 100 * cost,
                    ["p90_us"] = 150,
                    ["p99_us"] = 200 * cost,
                    ["p99.9_us"] = 300,
                }));
            }
        }

        var directory = Directory.CreateTempSubdirectory("edge-report-").FullName;
        try
        {
            var json = Path.Combine(directory, "results.json");
            new ResultFile(new DateTime(2026, 1, 2, 3, 4, 0, DateTimeKind.Utc), Machine.Here(), samples).Write(json);
            HtmlReport.Write([ResultFile.Read(json)], Path.Combine(directory, "report.html"));
            foreach (var (name, svg) in MainPlots.Of([ResultFile.Read(json)]))
            {
                File.WriteAllText(Path.Combine(directory, $"main-{name}.svg"), svg);
            }

            var html = File.ReadAllText(Path.Combine(directory, "report.html"));
            Assert.Contains("2026-01-02 03:04 UTC", html, StringComparison.Ordinal);
            Assert.Contains("<td>haproxy<td>1 [1 – 1]<td>2.00 [2.00 – 2.00]", html, StringComparison.Ordinal);
            Assert.DoesNotContain(
                "http://",
                html.Replace("http://www.w3.org/2000/svg", "", StringComparison.Ordinal),
                StringComparison.Ordinal);
            foreach (var name in new[]
            {
                "stream-echo", "stream-echo-by-streams", "stream-latency-percentiles", "main-costs", "main-stream-latency", "main-growth",
            })
            {
                Assert.Contains(
                    "edge",
                    XDocument.Load(Path.Combine(directory, name + ".svg")).Root!.Value,
                    StringComparison.OrdinalIgnoreCase);
            }

            // What README shows says when and on what, and a server that costs half of Edge has a bar of half.
            foreach (var name in new[] { "costs", "stream-latency", "growth" })
            {
                Assert.Contains(
                    "2026-01-02 03:04 UTC",
                    File.ReadAllText(Path.Combine(directory, $"main-{name}.svg")),
                    StringComparison.Ordinal);
            }

            Assert.Contains(XDocument.Load(Path.Combine(directory, "main-costs.svg")).Descendants(), static one => one.Value == "0.50");
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }
}
