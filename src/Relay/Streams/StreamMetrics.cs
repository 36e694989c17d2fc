using System.Diagnostics.Metrics;

namespace Relay.Streams;

/// <summary>The relay's instruments, on the meter <see cref="MeterName"/>.</summary>
public sealed class StreamMetrics
{
    /// <summary>The meter's name.</summary>
    public const string MeterName = "Edge.Streams";

    private readonly UpDownCounter<long> _open;
    private readonly Counter<long> _started;
    private readonly Counter<long> _closed;
    private readonly Counter<long> _outages;
    private volatile Func<(long ToBackend, long ToClient)>? _bytes;

    /// <summary>Creates the instruments.</summary>
    /// <param name="meters">Owns the meter.</param>
    public StreamMetrics(IMeterFactory meters)
    {
        ArgumentNullException.ThrowIfNull(meters);
        var meter = meters.Create(MeterName);
        _open = meter.CreateUpDownCounter<long>("edge.streams.open", "{stream}", "Streams being relayed.");
        _started = meter.CreateCounter<long>("edge.streams.started", "{stream}", "Streams whose relaying began.");
        _closed = meter.CreateCounter<long>("edge.streams.closed", "{stream}", "Streams that ended, by reason.");
        _outages = meter.CreateCounter<long>(
            "edge.streams.outages", "{outage}", "Terminals whose API server went away, by how that ended.");
        meter.CreateObservableCounter("edge.streams.bytes", Bytes, "By", "Bytes relayed in streams, by direction.");
    }

    // The numbers are read only when metrics are collected: each forwarded piece costs one addition.
    internal void ObserveBytes(Func<(long ToBackend, long ToClient)> bytes) => _bytes = bytes;

    internal void Started(StreamInfo info)
    {
        _open.Add(1, new KeyValuePair<string, object?>("route", info.Route));
        _started.Add(1, new KeyValuePair<string, object?>("route", info.Route));
    }

    internal void Closed(StreamInfo info, StreamCloseReason reason)
    {
        _open.Add(-1, new KeyValuePair<string, object?>("route", info.Route));
        _closed.Add(
            1, new KeyValuePair<string, object?>("route", info.Route), new KeyValuePair<string, object?>("reason", reason.Label()));
    }

    internal void OutageEnded(string result) => _outages.Add(1, new KeyValuePair<string, object?>("result", result));

    private IEnumerable<Measurement<long>> Bytes()
    {
        var (toBackend, toClient) = _bytes?.Invoke() ?? default;
        yield return new Measurement<long>(toBackend, new KeyValuePair<string, object?>("direction", "to_backend"));
        yield return new Measurement<long>(toClient, new KeyValuePair<string, object?>("direction", "to_client"));
    }
}
