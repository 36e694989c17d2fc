using System.Diagnostics.Metrics;
using Tailnet.Messages;
using Tailnet.Services;

namespace ControlPlane.Coordination;

/// <summary>Counts the connection events that clients report, and discards their contents.</summary>
internal sealed class TelemetryCounter : ITelemetrySink, IDisposable
{
    private readonly Meter _meter = new("ControlPlane");
    private readonly Counter<long> _counter;
    private long _events;

    public TelemetryCounter() => _counter = _meter.CreateCounter<long>(
        "controlplane.tailnet.telemetry.events", "{event}", "Connection events that tailnet clients have reported.");

    /// <summary>The number of events since the start.</summary>
    public long Events => Interlocked.Read(ref _events);

    public ValueTask AcceptAsync(TailnetCaller caller, IReadOnlyCollection<TelemetryEvent> events, CancellationToken cancellationToken)
    {
        Interlocked.Add(ref _events, events.Count);
        _counter.Add(events.Count);
        return ValueTask.CompletedTask;
    }

    public void Dispose() => _meter.Dispose();
}
