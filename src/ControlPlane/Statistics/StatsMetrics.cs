using System.Data.Common;
using System.Diagnostics.Metrics;

namespace ControlPlane.Statistics;

/// <summary>
/// What agents report, all together, as metrics that are read from the store when somebody asks. Connections and sessions count for two
/// report intervals, so that an agent that is gone does not count for ever.
/// </summary>
internal sealed class StatsMetrics : IDisposable
{
    private static readonly TimeSpan Reused = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly Meter _meter = new("ControlPlane");
    private readonly StatsStore _store;
    private readonly ControlPlaneOptions _options;
    private readonly TimeProvider _time;
    private (DateTimeOffset At, StatsTotals? Totals) _last;

    public StatsMetrics(StatsStore store, ControlPlaneOptions options, TimeProvider time)
    {
        (_store, _options, _time) = (store, options, time);
        Counter("reports", "{report}", "Reports of statistics by agents.", static sums => sums.Reports);
        Observe<long>("traffic", true, "By", "Bytes that agents carried over the tailnet.", static totals =>
            [Tagged(totals.Sums.RxBytes, "direction", "receive"), Tagged(totals.Sums.TxBytes, "direction", "transmit")]);
        Observe<long>("packets", true, "{packet}", "Packets that agents carried over the tailnet.", static totals =>
            [Tagged(totals.Sums.RxPackets, "direction", "receive"), Tagged(totals.Sums.TxPackets, "direction", "transmit")]);
        Observe<long>("reporting", false, "{agent}", "Agents that report now.", static totals => [new(totals.Sums.Agents)]);
        Observe<long>("connections", false, "{connection}", "Connections to agents by protocol, the most frequent ones.", static totals =>
            totals.Connections.Select(static row => Tagged(row.Value, "protocol", row.Key)));
        Observe<long>("sessions", false, "{session}", "Sessions on agents.", static totals =>
        [
            Tagged(totals.Sums.SessionsVscode, "type", "vscode"),
            Tagged(totals.Sums.SessionsJetbrains, "type", "jetbrains"),
            Tagged(totals.Sums.SessionsReconnectingPty, "type", "reconnecting_pty"),
            Tagged(totals.Sums.SessionsSsh, "type", "ssh"),
        ]);
        Observe<double>("latency", false, "s", "Mean of the median latencies that agents see to their clients.", static totals =>
            [new(totals.Sums.LatencyMs / 1000)]);
        Observe<double>("reported", false, "1", "Sums of the metrics that agents report of their own, the most frequent ones.", static totals =>
            totals.Metrics.Select(static row => Tagged(row.Value, "name", row.Key)));
    }

    public void Dispose() => _meter.Dispose();

    private static Measurement<T> Tagged<T>(T value, string tag, string text)
        where T : struct => new(value, KeyValuePair.Create<string, object?>(tag, text));

    private void Counter(string name, string unit, string description, Func<StatsSums, long> value) =>
        Observe<long>(name, true, unit, description, totals => [new(value(totals.Sums))]);

    private void Observe<T>(string name, bool counts, string unit, string description, Func<StatsTotals, IEnumerable<Measurement<T>>> read)
        where T : struct
    {
        var full = "controlplane.agents." + name;
        if (counts)
        {
            _meter.CreateObservableCounter(full, () => Measure(read), unit, description);
        }
        else
        {
            _meter.CreateObservableGauge(full, () => Measure(read), unit, description);
        }
    }

    private IEnumerable<Measurement<T>> Measure<T>(Func<StatsTotals, IEnumerable<Measurement<T>>> read)
        where T : struct => Totals() is { } totals ? read(totals) : [];

    /// <summary>One read of the store for all the instruments of a scrape; nothing when the store does not answer.</summary>
    private StatsTotals? Totals()
    {
        lock (_lock)
        {
            var now = _time.GetUtcNow();
            if (_last.Totals is null || now - _last.At >= Reused || now < _last.At)
            {
                _last = (now, Read(now));
            }

            return _last.Totals;
        }
    }

    private StatsTotals? Read(DateTimeOffset now)
    {
        try
        {
            return _store.Totals(now - (2 * _options.StatsReportInterval));
        }
        catch (DbException)
        {
            // A scrape without these numbers is better than none; that the store is down is said elsewhere.
            return null;
        }
    }
}
