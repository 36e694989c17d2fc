using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace Relay.Tests.Streams;

/// <summary>A meter factory that adds up what its meters measure, by instrument and last tag.</summary>
internal sealed class TestMeters : IMeterFactory
{
    private readonly MeterListener _listener = new();
    private readonly List<Meter> _meters = [];
    private readonly ConcurrentDictionary<string, long> _sums = new();

    public TestMeters()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (_meters.Contains(instrument.Meter))
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            var key = $"{instrument.Name} {tags[^1].Value}";
            _sums.AddOrUpdate(key, value, (_, sum) => instrument.IsObservable ? value : sum + value);
        });
        _listener.Start();
    }

    public Meter Create(MeterOptions options)
    {
        options.Scope = this;
        var meter = new Meter(options);
        _meters.Add(meter);
        return meter;
    }

    public long Sum(string instrument, string tag)
    {
        _listener.RecordObservableInstruments();
        return _sums.GetValueOrDefault($"{instrument} {tag}");
    }

    public void Dispose()
    {
        _listener.Dispose();
        _meters.ForEach(static meter => meter.Dispose());
    }
}
