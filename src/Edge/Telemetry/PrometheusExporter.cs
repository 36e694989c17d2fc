using System.Buffers;
using System.Diagnostics.Metrics;
using System.IO.Pipelines;

namespace Edge.Telemetry;

/// <summary>
/// Collects the process's metrics from its construction on, and writes them in the Prometheus text format. It listens to the meters
/// of all hosts. Two instruments that get the same name but have different types cannot share a family: the later one is not
/// exported.
/// </summary>
internal sealed partial class PrometheusExporter : IDisposable
{
    /// <summary>The media type of the text format.</summary>
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    /// <summary>The default of series per instrument, which is also OpenTelemetry's.</summary>
    public const int DefaultSeriesLimit = 2_000;

    private readonly Lock _familiesLock = new();
    private readonly Lock _scrapeLock = new();
    private readonly SortedDictionary<string, PrometheusFamily> _families = new(StringComparer.Ordinal);
    private readonly HashSet<PrometheusTable> _observed = [];
    private readonly MeterListener _listener = new();
    private readonly ILogger _logger;
    private readonly int _seriesLimit;

    /// <param name="logger">Reports observable instruments that fail.</param>
    /// <param name="meters">The meters to collect, in the form of <see cref="TelemetrySources.Meters"/>, which is the default.</param>
    /// <param name="seriesLimit">Series per instrument. Measurements with more tags go to one overflow series.</param>
    public PrometheusExporter(
        ILogger<PrometheusExporter> logger, IReadOnlyList<string>? meters = null, int seriesLimit = DefaultSeriesLimit)
    {
        _logger = logger;
        _seriesLimit = seriesLimit;
        meters ??= TelemetrySources.Meters;
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (TelemetrySources.Matches(meters, instrument.Meter.Name) && Subscribe(instrument) is { } subscription)
            {
                listener.EnableMeasurementEvents(instrument, subscription);
            }
        };
        _listener.MeasurementsCompleted = (instrument, state) => Unsubscribe(instrument, (Subscription)state!);
        _listener.SetMeasurementEventCallback<byte>(static (_, value, tags, state) => Table(state).Find(tags).Record((long)value));
        _listener.SetMeasurementEventCallback<short>(static (_, value, tags, state) => Table(state).Find(tags).Record((long)value));
        _listener.SetMeasurementEventCallback<int>(static (_, value, tags, state) => Table(state).Find(tags).Record((long)value));
        _listener.SetMeasurementEventCallback<long>(static (_, value, tags, state) => Table(state).Find(tags).Record(value));
        _listener.SetMeasurementEventCallback<float>(static (_, value, tags, state) => Table(state).Find(tags).Record((double)value));
        _listener.SetMeasurementEventCallback<double>(static (_, value, tags, state) => Table(state).Find(tags).Record(value));
        _listener.SetMeasurementEventCallback<decimal>(static (_, value, tags, state) => Table(state).Find(tags).Record((double)value));
        _listener.Start();
    }

    /// <summary>Writes the current values of all metrics. Flushes the writer, but does not complete it.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled during the write.</exception>
    public async Task WriteAsync(PipeWriter output, CancellationToken cancellationToken)
    {
        // The complete text is made before the first byte is sent, so that a slow reader holds no lock.
        var text = Collect();
        await output.WriteAsync(text, cancellationToken);
    }

    public void Dispose() => _listener.Dispose();

    private static PrometheusTable Table(object? state) => ((Subscription)state!).Table;

    private ReadOnlyMemory<byte> Collect()
    {
        var text = new ArrayBufferWriter<byte>(16 * 1024);
        lock (_scrapeLock)
        {
            Observe();
            PrometheusFamily[] families;
            lock (_familiesLock)
            {
                families = [.. _families.Values];
            }

            var writer = new PrometheusText(text);
            foreach (var family in families)
            {
                writer.Write(family);
            }
        }

        return text.WrittenMemory;
    }

    private void Observe()
    {
        PrometheusTable[] observed;
        lock (_familiesLock)
        {
            observed = [.. _observed];
        }

        foreach (var table in observed)
        {
            table.Clear();
        }

        try
        {
            _listener.RecordObservableInstruments();
        }
        catch (AggregateException e)
        {
            // The listener has read all instruments before it throws. Only the failed ones are missing in this scrape.
            LogObservationFailed(_logger, e);
        }
    }

    private Subscription? Subscribe(Instrument instrument)
    {
        if (PrometheusInstrument.TypeOf(instrument) is not { } type)
        {
            return null;
        }

        var name = TelemetrySources.Matches(TelemetrySources.ForeignNames, instrument.Meter.Name)
            ? instrument.Name
            : PrometheusName.Family(instrument.Name, instrument.Unit, type);
        lock (_familiesLock)
        {
            if (!_families.TryGetValue(name, out var family))
            {
                var boundaries = type == PrometheusType.Histogram ? PrometheusInstrument.Boundaries(instrument) : [];
                _families[name] = family = new PrometheusFamily(name, type, instrument.Description ?? "", boundaries);
            }

            if (family.Type != type)
            {
                LogConflict(_logger, instrument.Name, instrument.Meter.Name, name);
                return null;
            }

            var table = family.Attach(instrument, _seriesLimit);
            if (instrument.IsObservable)
            {
                _observed.Add(table);
            }

            return new Subscription(family, table);
        }
    }

    private void Unsubscribe(Instrument instrument, Subscription subscription)
    {
        lock (_familiesLock)
        {
            _observed.Remove(subscription.Table);
            subscription.Family.Detach(instrument, subscription.Table);
        }
    }

    private sealed record Subscription(PrometheusFamily Family, PrometheusTable Table);

    [LoggerMessage(1050, LogLevel.Warning, "Some observable metrics could not be read.")]
    private static partial void LogObservationFailed(ILogger logger, Exception exception);

    [LoggerMessage(
        1051, LogLevel.Warning,
        "Instrument {Instrument} of meter {Meter} is not exported: {Name} already exists with another type.")]
    private static partial void LogConflict(ILogger logger, string instrument, string meter, string name);
}
