using System.Diagnostics.Metrics;

namespace Relay.Tests.Derp;

/// <summary>A meter of the test's own, and what its observable instruments say when they are asked.</summary>
internal sealed class ReadMetrics : IMeterFactory
{
    private readonly List<Meter> _meters = [];
    private readonly MeterListener _listener = new();
    private readonly Dictionary<string, long> _values = [];

    public ReadMetrics(Func<IMeterFactory, object> create)
    {
        _ = create(this);
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            // Other tests' meters have the same names.
            if (_meters.Contains(instrument.Meter))
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            var labels = tags.ToArray().OrderBy(static tag => tag.Key, StringComparer.Ordinal)
                .Select(static tag => $" {tag.Key}={tag.Value}");
            _values[instrument.Name + string.Concat(labels)] = value;
        });
        _listener.Start();
    }

    /// <summary>The value now of an instrument, by its name and its labels in order: <c>name key=value</c>.</summary>
    public long this[string series]
    {
        get
        {
            _values.Clear();
            _listener.RecordObservableInstruments();
            return _values[series];
        }
    }

    public Meter Create(MeterOptions options)
    {
        var meter = new Meter(options);
        _meters.Add(meter);
        return meter;
    }

    public void Dispose()
    {
        _listener.Dispose();
        _meters.ForEach(static meter => meter.Dispose());
    }
}
