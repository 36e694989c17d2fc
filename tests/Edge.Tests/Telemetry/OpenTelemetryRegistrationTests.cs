using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Text;
using Edge.Settings;
using Edge.Telemetry;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;

namespace Edge.Tests.Telemetry;

public sealed class OpenTelemetryRegistrationTests
{
    private const string Secret = "xkcdv-hidden";

    [Fact]
    public async Task MetricsAndTracesReachTheCollectorWithoutQueries()
    {
        var received = new ConcurrentQueue<(string Path, string Type, string Body)>();
        await using var collector = await Collector(received);
        var settings = new Dictionary<string, string?>
        {
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.Urls.First(),
            ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
            ["OTEL_SERVICE_NAME"] = "edge-under-test",
            ["OTEL_RESOURCE_ATTRIBUTES"] = "deployment.environment=attic",
        };
        await using (var app = await TestServer.StartAsync(
            static app => app.MapGet("/things/{id}", static (HttpContext context) =>
            {
                // As other instrumentation might.
                Activity.Current?.SetTag("url.query", context.Request.QueryString.Value);
                Activity.Current?.SetTag("url.full", $"http://kept/part{context.Request.QueryString}");
                return "ok";
            }),
            builder => builder.AddEdgeOpenTelemetry(builder.Configuration),
            settings))
        {
            using var meter = new Meter("Edge.Otlp");
            meter.CreateCounter<int>("edge.test.counted").Add(1);
            using var client = new HttpClient { BaseAddress = new Uri(app.Urls.First()) };
            await client.GetStringAsync($"/things/17?token={Secret}", TestContext.Current.CancellationToken);

            // What is not sent yet goes out when the host stops.
            await app.StopAsync(TestContext.Current.CancellationToken);
        }

        var metrics = Bodies("/v1/metrics");
        Assert.Contains("edge.test.counted", metrics, StringComparison.Ordinal);
        Assert.Contains("http.server.request.duration", metrics, StringComparison.Ordinal);
        var traces = Bodies("/v1/traces");
        Assert.Contains("GET /things/{id}", traces, StringComparison.Ordinal);
        Assert.Contains("/things/17", traces, StringComparison.Ordinal);
        Assert.Contains("http://kept/part", traces, StringComparison.Ordinal);
        foreach (var (_, type, body) in received)
        {
            Assert.Equal("application/x-protobuf", type);
            Assert.Contains("edge-under-test", body, StringComparison.Ordinal);
            Assert.Contains("attic", body, StringComparison.Ordinal);
            Assert.DoesNotContain(Secret, body, StringComparison.Ordinal);
        }

        string Bodies(string path) => string.Concat(received.Where(request => request.Path == path).Select(static request => request.Body));
    }

    [Fact]
    public async Task OneSignalsEndpointSendsThatSignalOnlyAndTheServiceIsNamedEdge()
    {
        var received = new ConcurrentQueue<(string Path, string Type, string Body)>();
        await using var collector = await Collector(received);
        await using (var app = await TestServer.StartAsync(
            static app => app.MapGet("/", static () => "ok"),
            static builder => builder.AddEdgeOpenTelemetry(builder.Configuration),
            new()
            {
                ["OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"] = $"{collector.Urls.First()}/own/path",
                ["OTEL_EXPORTER_OTLP_METRICS_PROTOCOL"] = "http/protobuf",
            }))
        {
            using var client = new HttpClient { BaseAddress = new Uri(app.Urls.First()) };
            await client.GetStringAsync("/", TestContext.Current.CancellationToken);
            await app.StopAsync(TestContext.Current.CancellationToken);
        }

        Assert.NotEmpty(received);
        Assert.All(received, static request => Assert.Equal("/own/path", request.Path));
        Assert.Contains("service.name\u0012\u0006\n\u0004edge", received.First().Body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", false, false)]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=http://x", true, true)]
    [InlineData("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://x", true, false)]
    [InlineData("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=http://x", false, true)]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=http://x OTEL_SDK_DISABLED=TRUE", false, false)]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=http://x OTEL_TRACES_EXPORTER=none", false, true)]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=", false, false)]
    public void TheVariablesDecideWhichSignalsAreCollected(string variables, bool traces, bool metrics)
    {
        var configuration = new ConfigurationBuilder()
            .AddInMemoryCollection(variables.Split(' ', StringSplitOptions.RemoveEmptyEntries)
                .Select(static variable => variable.Split('=', 2))
                .Select(static pair => KeyValuePair.Create(pair[0], (string?)pair[1])))
            .Build();
        Assert.Equal(traces, OtlpVariables.IsExported(configuration, OtlpVariables.Traces));
        Assert.Equal(metrics, OtlpVariables.IsExported(configuration, OtlpVariables.Metrics));
    }

    [Fact]
    public void AnEndpointThatIsNoUrlStopsTheStart()
    {
        var configuration = new ConfigurationBuilder()
            .AddInMemoryCollection([new("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "collector:4317")])
            .Build();
        var e = Assert.Throws<SettingsException>(() => OtlpVariables.IsExported(configuration, OtlpVariables.Traces));
        Assert.Equal("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT = \"collector:4317\": allowed is an http or https URL", e.Message);
    }

    private static Task<WebApplication> Collector(ConcurrentQueue<(string Path, string Type, string Body)> received) =>
        TestServer.StartAsync(app => app.Run(async context =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body, context.RequestAborted);

            // Latin-1 keeps every byte, so that names can be looked for in the protobuf.
            received.Enqueue((context.Request.Path, context.Request.ContentType ?? "", Encoding.Latin1.GetString(body.ToArray())));
        }));
}
