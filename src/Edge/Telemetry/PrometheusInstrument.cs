using System.Diagnostics.Metrics;
using System.Globalization;

namespace Edge.Telemetry;

/// <summary>What the kinds of .NET instruments mean in the text format.</summary>
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

    /// <summary>Whether each measurement replaces the one before.</summary>
    public static bool IsGauge(Instrument instrument) => Kind(instrument) == typeof(Gauge<>);

    /// <summary>The bucket boundaries of a histogram: those its author advises, else the defaults for its unit.</summary>
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
        // The runtime may derive from the public kinds.
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
