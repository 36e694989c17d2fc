using System.Diagnostics.Metrics;
using System.Globalization;

namespace Edge.Telemetry;

/// <summary>
/// A metric family: all series with one name. Each host of the process has meters of its own with the same instruments; values with
/// the same labels are added up.
/// </summary>
internal sealed class PrometheusFamily(string name, PrometheusType type, string help, double[] boundaries)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, PrometheusTable> _shared = [];
    private readonly List<PrometheusTable> _tables = [];

    public string Name => name;

    public PrometheusType Type => type;

    public string Help => help;

    /// <summary>The upper boundaries of a histogram's buckets, ascending; empty for other types.</summary>
    public double[] Boundaries => boundaries;

    /// <summary>
    /// The table for the measurements of an instrument. Monotonic sums share a table that outlives their instrument; otherwise the
    /// sum would fall when a host stops. Other instruments have a table of their own, for their lifetime.
    /// </summary>
    public PrometheusTable Attach(Instrument instrument, int limit)
    {
        KeyValuePair<string, object?>[] constants = [.. instrument.Meter.Tags ?? [], .. instrument.Tags ?? []];
        lock (_lock)
        {
            if (!IsShared(instrument))
            {
                var own = new PrometheusTable(Creator(instrument), constants, limit);
                _tables.Add(own);
                return own;
            }

            var key = PrometheusLabels.Format(constants);
            if (!_shared.TryGetValue(key, out var shared))
            {
                _shared[key] = shared = new PrometheusTable(Creator(instrument), constants, limit);
                _tables.Add(shared);
            }

            return shared;
        }
    }

    /// <summary>Removes the table of an instrument that no longer exists.</summary>
    public void Detach(Instrument instrument, PrometheusTable table)
    {
        if (!IsShared(instrument))
        {
            lock (_lock)
            {
                _tables.Remove(table);
            }
        }
    }

    /// <summary>The points of a scrape by their labels, in a stable order.</summary>
    public SortedDictionary<string, PrometheusPoint> Collect()
    {
        PrometheusTable[] tables;
        lock (_lock)
        {
            tables = [.. _tables];
        }

        var points = new SortedDictionary<string, PrometheusPoint>(StringComparer.Ordinal);
        foreach (var table in tables)
        {
            table.AddTo(points);
        }

        return points;
    }

    private bool IsShared(Instrument instrument) => type != PrometheusType.Gauge && !instrument.IsObservable;

    private Func<PrometheusSeries> Creator(Instrument instrument) => type switch
    {
        PrometheusType.Histogram => () => new PrometheusSeries.Histogram(boundaries),
        _ when instrument.IsObservable || PrometheusInstrument.IsGauge(instrument) => static () => new PrometheusSeries.Last(),
        PrometheusType.Counter => static () => new PrometheusSeries.Sum(monotonic: true),
        _ => static () => new PrometheusSeries.Sum(monotonic: false),
    };
}

/// <summary>The type of a metric family in the text format.</summary>
internal enum PrometheusType
{
    /// <summary>A sum that only grows while the process lives.</summary>
    Counter,

    /// <summary>A value that goes up and down.</summary>
    Gauge,

    /// <summary>A distribution over fixed buckets.</summary>
    Histogram,
}

/// <summary>Maps .NET instruments to the text format.</summary>
internal static class PrometheusInstrument
{
    // The defaults of the OpenTelemetry specification, and the same scaled to seconds.
    private static readonly double[] DefaultBoundaries = [0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000];
    private static readonly double[] SecondBoundaries = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

    /// <summary>The type of an instrument's family; null for a kind that the format cannot express.</summary>
    public static PrometheusType? TypeOf(Instrument instrument)
    {
        var kind = Kind(instrument);
        return kind == typeof(Counter<>) || kind == typeof(ObservableCounter<>) ? PrometheusType.Counter
            : kind == typeof(Histogram<>) ? PrometheusType.Histogram
            : kind == typeof(UpDownCounter<>) || kind == typeof(ObservableUpDownCounter<>) ||
              kind == typeof(Gauge<>) || kind == typeof(ObservableGauge<>) ? PrometheusType.Gauge
            : null;
    }

    /// <summary>Whether each measurement replaces the previous one.</summary>
    public static bool IsGauge(Instrument instrument) => Kind(instrument) == typeof(Gauge<>);

    /// <summary>The bucket boundaries of a histogram: the instrument's advice, or else the defaults for its unit.</summary>
    public static double[] Boundaries(Instrument instrument)
    {
        var advised = instrument switch
        {
            Instrument<double> d => Convert(d),
            Instrument<long> l => Convert(l),
            Instrument<int> i => Convert(i),
            Instrument<float> f => Convert(f),
            Instrument<short> s => Convert(s),
            Instrument<byte> b => Convert(b),
            Instrument<decimal> m => Convert(m),
            _ => null,
        };
        return advised ?? (instrument.Unit == "s" ? SecondBoundaries : DefaultBoundaries);
    }

    private static double[]? Convert<T>(Instrument<T> instrument)
        where T : struct =>
        instrument.Advice?.HistogramBucketBoundaries is { } boundaries
            ? [.. boundaries.Select(static value => System.Convert.ToDouble(value, CultureInfo.InvariantCulture))]
            : null;

    private static Type? Kind(Instrument instrument)
    {
        // The runtime may derive types from the public ones.
        for (var type = instrument.GetType(); type is not null; type = type.BaseType)
        {
            if (type.IsGenericType && type.Assembly == typeof(Instrument).Assembly && type.IsPublic)
            {
                return type.GetGenericTypeDefinition();
            }
        }

        return null;
    }
}
