using System.Diagnostics.Metrics;
using System.IO.Pipelines;
using System.Text;
using Edge.Telemetry;
using Microsoft.Extensions.Logging.Abstractions;

namespace Edge.Tests.Telemetry;

/// <summary>Each test has meters of its own name: the exporter hears the whole process.</summary>
public sealed class PrometheusExporterTests : IDisposable
{
    private readonly string _name = $"Test.{Guid.NewGuid():N}";
    private readonly List<Meter> _meters = [];
    private PrometheusExporter? _exporter;

    public void Dispose()
    {
        _exporter?.Dispose();
        _meters.ForEach(static meter => meter.Dispose());
    }

    [Fact]
    public async Task ACounterIsATotalWithHelpTypeAndLabels()
    {
        Start();
        var counter = Meter().CreateCounter<long>("edge.requests", "{request}", "Requests \\ taken\nin");
        counter.Add(2, Tag("http.method", "GET"), Tag("code", 200));
        counter.Add(3, Tag("code", 200), Tag("http.method", "GET"));
        counter.Add(1);

        Assert.Equal(
            "# HELP edge_requests_total Requests \\\\ taken\\nin\n" +
            "# TYPE edge_requests_total counter\n" +
            "edge_requests_total 1\n" +
            "edge_requests_total{code=\"200\",http_method=\"GET\"} 5\n",
            await Scrape());
    }

    [Fact]
    public async Task LabelValuesAreEscapedAndCut()
    {
        Start();
        var counter = Meter().CreateCounter<int>("c");
        counter.Add(1, Tag("a", "x\"y\\z\n"), Tag("b", true), Tag("c", null));
        counter.Add(1, Tag("a", new string('q', 1000)));
        counter.Add(1, Tag("a", "\u001b[2J\u0085\u2028é\n\t"));

        var text = await Scrape();
        Assert.Contains("c_total{a=\"x\\\"y\\\\z\\n\",b=\"true\"} 1\n", text, StringComparison.Ordinal);
        Assert.Contains($"c_total{{a=\"{new string('q', 256)}\"}} 1\n", text, StringComparison.Ordinal);
        Assert.Contains("c_total{a=\"\\\\x1B[2J\\\\x85\\\\x2028é\\n\\\\x09\"} 1\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task TagsThatMayHoldQueriesAreLeftOut()
    {
        Start();
        Meter().CreateCounter<int>("c").Add(1, Tag("url.query", "?token=secret"), Tag("url.full", "http://x/?token=secret"), Tag("ok", 1));

        var text = await Scrape();
        Assert.Contains("c_total{ok=\"1\"} 1\n", text, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AHistogramHasCumulativeBucketsASumAndACount()
    {
        Start();
        var histogram = Meter()
            .CreateHistogram("wait", "s", "How long", null, new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.1, 1] });
        foreach (var value in (double[])[0.05, 0.1, 0.5, 7, double.NaN])
        {
            histogram.Record(value, Tag("kind", "a"));
        }

        Assert.Equal(
            "# HELP wait_seconds How long\n" +
            "# TYPE wait_seconds histogram\n" +
            "wait_seconds_bucket{kind=\"a\",le=\"0.1\"} 2\n" +
            "wait_seconds_bucket{kind=\"a\",le=\"1\"} 3\n" +
            "wait_seconds_bucket{kind=\"a\",le=\"+Inf\"} 4\n" +
            "wait_seconds_sum{kind=\"a\"} 7.65\n" +
            "wait_seconds_count{kind=\"a\"} 4\n",
            await Scrape());
    }

    [Fact]
    public async Task AHistogramWithoutAdviceHasBucketsForItsUnit()
    {
        Start();
        var meter = Meter();
        meter.CreateHistogram<double>("t", "s").Record(0.004);
        meter.CreateHistogram<long>("n", "By").Record(1);

        var text = await Scrape();
        Assert.Contains("t_seconds_bucket{le=\"0.005\"} 1\n", text, StringComparison.Ordinal);
        Assert.Contains("t_seconds_bucket{le=\"10\"} 1\n", text, StringComparison.Ordinal);
        Assert.Contains("n_bytes_bucket{le=\"10000\"} 1\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task SeveralHostsShareAFamilyAndTheirSeriesAreAddedUp()
    {
        Start();
        Meter[] hosts = [Meter(), Meter()];
        foreach (var (host, n) in hosts.Zip([1, 10]))
        {
            host.CreateCounter<int>("c").Add(n, Tag("k", "v"));
            host.CreateUpDownCounter<int>("u").Add(n);
            host.CreateObservableGauge("o", () => n);
            host.CreateObservableCounter("oc", () => n);
            host.CreateHistogram<double>("h", "s").Record(n);
        }

        var text = await Scrape();
        Assert.Contains("c_total{k=\"v\"} 11\n", text, StringComparison.Ordinal);
        Assert.Contains("\nu 11\n", text, StringComparison.Ordinal);
        Assert.Contains("\no 11\n", text, StringComparison.Ordinal);
        Assert.Contains("\noc_total 11\n", text, StringComparison.Ordinal);
        Assert.Contains("h_seconds_count 2\n", text, StringComparison.Ordinal);
        Assert.Equal(5, text.Split("# TYPE").Length - 1);

        // The gauges of a host that stops disappear, but its counts stay in the totals.
        hosts[1].Dispose();
        text = await Scrape();
        Assert.Contains("c_total{k=\"v\"} 11\n", text, StringComparison.Ordinal);
        Assert.Contains("\nu 1\n", text, StringComparison.Ordinal);
        Assert.Contains("\no 1\n", text, StringComparison.Ordinal);
        Assert.Contains("h_seconds_count 2\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnObservableReportsAfreshAndAGaugeKeepsItsLastValue()
    {
        Start();
        var meter = Meter();
        var gauge = meter.CreateGauge<double>("g");
        gauge.Record(5);
        gauge.Record(double.PositiveInfinity);
        Measurement<int>[] report = [new(1, Tag("backend", "a")), new(0, Tag("backend", "b"))];
        meter.CreateObservableGauge("healthy", () => report);

        var text = await Scrape();
        Assert.Contains("g +Inf\n", text, StringComparison.Ordinal);
        Assert.Contains("healthy{backend=\"a\"} 1\nhealthy{backend=\"b\"} 0\n", text, StringComparison.Ordinal);

        report = [new(1, Tag("backend", "b"))];
        text = await Scrape();
        Assert.DoesNotContain("backend=\"a\"", text, StringComparison.Ordinal);
        Assert.Contains("healthy{backend=\"b\"} 1\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnObservableThatFailsDoesNotHideTheOthers()
    {
        Start();
        var meter = Meter();
        meter.CreateObservableGauge("bad", int () => throw new InvalidOperationException());
        meter.CreateObservableGauge("good", () => 4);

        Assert.Equal("# TYPE good gauge\ngood 4\n", await Scrape());
    }

    [Fact]
    public async Task BeyondTheLimitSeriesAreFoldedIntoOne()
    {
        Start(limit: 100);
        var counter = Meter().CreateCounter<long>("c");
        for (var i = 0; i < 250; i++)
        {
            counter.Add(1, Tag("id", i));
        }

        counter.Add(1, Tag("id", 99));
        var lines = (await Scrape()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(1 + 100 + 1, lines.Length);
        Assert.Contains("c_total{otel_metric_overflow=\"true\"} 150", lines);
        Assert.Contains("c_total{id=\"99\"} 2", lines);
    }

    [Fact]
    public async Task ANameTakenByAnotherTypeIsLeftOut()
    {
        Start();
        var meter = Meter();
        meter.CreateUpDownCounter<int>("x").Add(1);
        meter.CreateHistogram<int>("x").Record(5);

        Assert.Equal("# TYPE x gauge\nx 1\n", await Scrape());
    }

    [Fact]
    public async Task MetersOutsideTheListAreNotHeard()
    {
        Start();
        using var other = new Meter($"Other.{_name}");
        other.CreateCounter<int>("c").Add(1);
        Assert.Equal("", await Scrape());
    }

    [Theory]
    [InlineData("Edge", true)]
    [InlineData("Edge.Streams", true)]
    [InlineData("Edgeling", false)]
    [InlineData("Microsoft.AspNetCore.Hosting", true)]
    [InlineData("Microsoft.AspNetCore.Identity", false)]
    [InlineData("Yarp.ReverseProxy", true)]
    public void TheDefaultMetersAreTheProductsAndTheServers(string meter, bool heard) =>
        Assert.Equal(heard, TelemetrySources.Matches(TelemetrySources.Meters, meter));

    [Fact]
    public void RecordingAllocatesNothingInSteadyState()
    {
        Start(limit: 8);
        var meter = Meter();
        var counter = meter.CreateCounter<long>("c");
        var histogram = meter.CreateHistogram<double>("h", "s");
        object[] codes = [200, 404];

        // Twice: the first run makes the series, the second is measured. The last tags are past the limit.
        long allocated = 0;
        for (var run = 0; run < 2; run++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 1000; i++)
            {
                counter.Add(1, Tag("a", "x"), Tag("b", "y"), Tag("code", codes[i & 1]));
                histogram.Record(i, Tag("a", "x"));
                counter.Add(1, Tag("fill", Fillers[i % Fillers.Length]));
            }

            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Assert.Equal(0, allocated);
    }

    [Fact]
    public async Task NothingIsLostWhenManyThreadsRecordAndScrape()
    {
        Start();
        var meter = Meter();
        var counter = meter.CreateCounter<long>("c");
        var real = meter.CreateCounter<double>("r");
        var histogram = meter.CreateHistogram<int>("h");
        await Task.WhenAll(Enumerable.Range(0, 4).Select(thread => Task.Run(
            async () =>
            {
                for (var i = 0; i < 5000; i++)
                {
                    counter.Add(1, Tag("k", i % 50));
                    real.Add(0.5);
                    histogram.Record(1);
                    if (i % 2500 == 0)
                    {
                        await Scrape();
                    }
                }
            },
            TestContext.Current.CancellationToken)));

        var text = await Scrape();
        for (var k = 0; k < 50; k++)
        {
            Assert.Contains($"c_total{{k=\"{k}\"}} 400\n", text, StringComparison.Ordinal);
        }

        Assert.Contains("r_total 10000\n", text, StringComparison.Ordinal);
        Assert.Contains("h_count 20000\n", text, StringComparison.Ordinal);
    }

    private static readonly string[] Fillers = [.. Enumerable.Range(0, 20).Select(static i => $"filler {i}")];

    private static KeyValuePair<string, object?> Tag(string key, object? value) => new(key, value);

    private void Start(int limit = PrometheusExporter.DefaultSeriesLimit) =>
        _exporter = new PrometheusExporter(NullLogger<PrometheusExporter>.Instance, [_name], limit);

    private Meter Meter()
    {
        var meter = new Meter(_name);
        _meters.Add(meter);
        return meter;
    }

    private async Task<string> Scrape()
    {
        using var stream = new MemoryStream();
        var writer = PipeWriter.Create(stream);
        await _exporter!.WriteAsync(writer, TestContext.Current.CancellationToken);
        await writer.CompleteAsync();
        return Encoding.UTF8.GetString(stream.ToArray());
    }
}
