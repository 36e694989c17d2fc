using System.Diagnostics.Metrics;
using ControlPlane.Hosting;

namespace ControlPlane.Tests;

/// <summary>A background loop that throws is started again.</summary>
public sealed class BackgroundLoopTests
{
    [Fact]
    public async Task ALoopThatThrowsIsLoggedCountedAndStartedAgainAfterEverLongerWaits()
    {
        using var faults = new FaultCounter("test-restarts");
        using var log = new CapturedLog();
        using var stop = new CancellationTokenSource();
        var clock = new ManualTimeProvider();
        var starts = new SemaphoreSlim(0);
        var running = BackgroundLoop.RunAsync(
            "test-restarts",
            _ =>
            {
                starts.Release();
                throw new NotSupportedException("a fault of the test");
            },
            clock,
            log.CreateLogger("test"),
            stop.Token);

        foreach (var wait in new[] { 1, 2, 4, 8, 16, 32, 60, 60 })
        {
            Assert.True(await starts.WaitAsync(ApiServer.Patience, TestContext.Current.CancellationToken));
            await Eventually.TrueAsync(
                () => log.Lines.Any(line => line.Contains($"in {wait} s", StringComparison.Ordinal)), "the fault is logged");
            clock.Advance(TimeSpan.FromSeconds(wait) - TimeSpan.FromMilliseconds(1));
            Assert.Equal(0, starts.CurrentCount);
            clock.Advance(TimeSpan.FromMilliseconds(1));
        }

        Assert.True(await starts.WaitAsync(ApiServer.Patience, TestContext.Current.CancellationToken));
        await stop.CancelAsync();
        await running.WaitAsync(ApiServer.Patience);
        Assert.Equal(9, faults.Count);
        Assert.All(log.Lines, static line => Assert.StartsWith(
            "Error test: The background service test-restarts has failed",
            line,
            StringComparison.Ordinal));
        Assert.Contains("a fault of the test", log.Lines.First(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ALoopThatIsToldToStopMayThrowWhatItLikes()
    {
        using var log = new CapturedLog();
        using var stop = new CancellationTokenSource();
        var running = BackgroundLoop.RunAsync(
            "test-stops",
            static async stop =>
            {
                await Task.Delay(Timeout.Infinite, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                throw new NotSupportedException();
            },
            TimeProvider.System,
            log.CreateLogger("test"),
            stop.Token);

        await stop.CancelAsync();
        await running.WaitAsync(ApiServer.Patience);
        Assert.Empty(log.Lines);
    }

    /// <summary>Listens to the faults of one service.</summary>
    private sealed class FaultCounter : IDisposable
    {
        private readonly MeterListener _listener = new();
        private long _count;

        public FaultCounter(string service)
        {
            _listener.InstrumentPublished = static (instrument, listener) =>
            {
                if (instrument.Name == "edge.background.faults")
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            };
            _listener.SetMeasurementEventCallback<long>((_, value, tags, _) =>
            {
                if (tags.ToArray().Contains(new KeyValuePair<string, object?>("service", service)))
                {
                    Interlocked.Add(ref _count, value);
                }
            });
            _listener.Start();
        }

        public long Count => Interlocked.Read(ref _count);

        public void Dispose() => _listener.Dispose();
    }
}
