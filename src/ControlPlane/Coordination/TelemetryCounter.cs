using System.Diagnostics.Metrics;
using Tailnet.Messages;
using Tailnet.Services;

namespace ControlPlane.Coordination;

/// <summary>Takes the connection events that clients report and counts them; nothing of them is kept.</summary>
internal sealed class TelemetryCounter : ITelemetrySink, IDisposable
{
    private readonly Meter _meter = new("ControlPlane");
    private readonly Counter<long> _counter;
    private long _events;

    public TelemetryCounter() => _counter = _meter.CreateCounter<long>(
        "controlplane.tailnet.telemetry.events", "{event}", "Connection events that tailnet clients have reported.");

    /// <summary>Events taken since the start.</summary>
    public long Events => Interlocked.Read(ref _events);

    public ValueTask AcceptAsync(TailnetCaller caller, IReadOnlyCollection<TelemetryEvent> events, CancellationToken cancellationToken)
    {
        Interlocked.Add(ref _events, events.Count);
        _counter.Add(events.Count);
        return ValueTask.CompletedTask;
    }

    public void Dispose() => _meter.Dispose();
}
