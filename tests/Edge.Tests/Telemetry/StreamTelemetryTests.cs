using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Net.Sockets;
using System.Text;
using Edge.Telemetry;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;

namespace Edge.Tests.Telemetry;

public sealed class StreamTelemetryTests
{
    private static readonly TimeSpan Guard = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task AStreamsSpanEndsAtTheHandshakeAndItsDurationIsNotMeasured()
    {
        var route = $"/stream-{Guid.NewGuid():N}";
        var spans = new ConcurrentQueue<Activity>();
        using var activities = new ActivityListener
        {
            ShouldListenTo = static source => source.Name == "Microsoft.AspNetCore",
            Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = activity =>
            {
                if (activity.GetTagItem("http.route") as string == route)
                {
                    spans.Enqueue(activity);
                }
            },
        };
        ActivitySource.AddActivityListener(activities);

        var detached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var app = await TestServer.StartAsync(app => app.MapGet(route, async context =>
        {
            await using var stream = await context.Features.GetRequiredFeature<IHttpUpgradeFeature>().UpgradeAsync();
            StreamTelemetry.DetachStream(context);
            StreamTelemetry.DetachStream(context);
            detached.SetResult();
            await stream.CopyToAsync(stream, context.RequestAborted);
        }));
        using var measurements = new ServerMeasurements(app.Services.GetRequiredService<IMeterFactory>());

        using (var client = new TcpClient())
        {
            var address = new Uri(app.Urls.First());
            await client.ConnectAsync(address.Host, address.Port, TestContext.Current.CancellationToken);
            var stream = client.GetStream();
            await stream.WriteAsync(
                Encoding.ASCII.GetBytes($"GET {route} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"),
                TestContext.Current.CancellationToken);
            await detached.Task.WaitAsync(Guard, TestContext.Current.CancellationToken);

            // The stream is open: its span is finished all the same.
            var span = Assert.Single(spans);
            Assert.True(span.IsStopped);
            Assert.Equal(101, span.GetTagItem("http.response.status_code"));
            Assert.Equal(1, measurements.Active);
        }

        await measurements.Idle.WaitAsync(Guard, TestContext.Current.CancellationToken);
        await app.StopAsync(TestContext.Current.CancellationToken);
        Assert.Single(spans);
        Assert.Equal(0, measurements.Active);
        Assert.Empty(measurements.Durations);
    }

    [Fact]
    public async Task AnOrdinaryRequestIsMeasured()
    {
        await using var app = await TestServer.StartAsync(static app => app.MapGet("/", static () => "hello"));
        using var measurements = new ServerMeasurements(app.Services.GetRequiredService<IMeterFactory>());
        using var client = new HttpClient { BaseAddress = new Uri(app.Urls.First()) };
        await client.GetStringAsync("/", TestContext.Current.CancellationToken);

        await measurements.Idle.WaitAsync(Guard, TestContext.Current.CancellationToken);
        await app.StopAsync(TestContext.Current.CancellationToken);
        Assert.Single(measurements.Durations);
    }

    [Fact]
    public void WithoutTelemetryThereIsNothingToDetach() =>
        StreamTelemetry.DetachStream(new Microsoft.AspNetCore.Http.DefaultHttpContext());

    /// <summary>The server's own request metrics, of one host.</summary>
    private sealed class ServerMeasurements : IDisposable
    {
        private readonly MeterListener _listener = new();
        private readonly TaskCompletionSource _idle = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private long _active;

        public ServerMeasurements(IMeterFactory host)
        {
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Scope == host && instrument.Name is "http.server.active_requests" or "http.server.request.duration")
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            };
            _listener.SetMeasurementEventCallback<long>((instrument, value, _, _) =>
            {
                if (instrument.Meter.Scope == host && Interlocked.Add(ref _active, value) == 0)
                {
                    _idle.TrySetResult();
                }
            });
            _listener.SetMeasurementEventCallback<double>((instrument, value, _, _) =>
            {
                if (instrument.Meter.Scope == host)
                {
                    Durations.Enqueue(value);
                }
            });
            _listener.Start();
        }

        public ConcurrentQueue<double> Durations { get; } = [];

        public long Active => Interlocked.Read(ref _active);

        public Task Idle => _idle.Task;

        public void Dispose() => _listener.Dispose();
    }
}
