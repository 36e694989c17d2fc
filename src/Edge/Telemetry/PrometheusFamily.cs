using System.Diagnostics.Metrics;

namespace Edge.Telemetry;

/// <summary>
/// Everything of one name in the text format. Each host in the process has its own meters with the same instruments: what they record
/// under the same labels is added up.
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
    /// The table that an instrument records to. Sums that only grow outlive their instrument, or they would fall when a host stops;
    /// they share a table. Everything else counts as long as its instrument lives.
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

    /// <summary>Forgets an instrument that is gone.</summary>
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

    /// <summary>The lines of a scrape, by their labels, in a stable order.</summary>
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
