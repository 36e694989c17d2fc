using System.Diagnostics.Metrics;
using Relay.Derp;

namespace Testing;

/// <summary>The metrics of one node's relay. The admin listener of a process shows the sum over all nodes that tests run in it.</summary>
internal sealed class DerpSeries : IMeterFactory
{
    private readonly MeterListener _listener = new();
    private readonly Dictionary<string, long> _values = [];
    private Meter? _meter;

    public DerpSeries(DerpServer server)
    {
        _ = new DerpMetrics(this, server);
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter == _meter)
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => _values[Name(instrument, tags)] = value);
        _listener.Start();
    }

    /// <summary>The value now of a series, by its name and its labels in order as <c>/metrics</c> writes them.</summary>
    public long this[string series]
    {
        get
        {
            _listener.RecordObservableInstruments();
            return _values[series];
        }
    }

    public Meter Create(MeterOptions options) => _meter = new Meter(options);

    public void Dispose()
    {
        _listener.Dispose();
        _meter?.Dispose();
    }

    private static string Name(Instrument instrument, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var labels = tags.ToArray().OrderBy(static tag => tag.Key, StringComparer.Ordinal)
            .Select(static tag => $"{tag.Key}=\"{tag.Value}\"");
        return tags.IsEmpty ? instrument.Name : $"{instrument.Name}{{{string.Join(',', labels)}}}";
    }
}
