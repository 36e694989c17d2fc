using System.Data.Common;
using System.Diagnostics.Metrics;

namespace ControlPlane.Statistics;

/// <summary>
/// Metrics of all agents' reports together, which are queried from the database when a scraper reads them. An agent's connections and
/// sessions count for two report intervals after its last report. A caller that can wait awaits <see cref="RefreshAsync"/> before it reads
/// the instruments. An instrument's callback cannot wait: it starts a query when the last result is old, and returns the last result. A
/// query of SQLite completes synchronously, while a query of PostgreSQL gives its result to the next read.
/// </summary>
internal sealed class StatsMetrics : IDisposable
{
    private static readonly TimeSpan MaxResultAge = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly Meter _meter = new("ControlPlane");
    private readonly StatsStore _store;
    private readonly ControlPlaneOptions _options;
    private readonly TimeProvider _time;
    private Task _query = Task.CompletedTask;
    private volatile QueryResult? _last;

    public StatsMetrics(StatsStore store, ControlPlaneOptions options, TimeProvider time)
    {
        (_store, _options, _time) = (store, options, time);
        Counter("reports", "{report}", "Statistics reports by agents.", static sums => sums.Reports);
        Observe<long>("traffic", true, "By", "Bytes that agents carried over the tailnet.", static totals =>
            [Tagged(totals.Sums.RxBytes, "direction", "receive"), Tagged(totals.Sums.TxBytes, "direction", "transmit")]);
        Observe<long>("packets", true, "{packet}", "Packets that agents carried over the tailnet.", static totals =>
            [Tagged(totals.Sums.RxPackets, "direction", "receive"), Tagged(totals.Sums.TxPackets, "direction", "transmit")]);
        Observe<long>("reporting", false, "{agent}", "Agents that report at present.", static totals => [new(totals.Sums.Agents)]);
        Observe<long>("connections", false, "{connection}", "Connections to agents by protocol, the most frequent ones.", static totals =>
            totals.Connections.Select(static row => Tagged(row.Value, "protocol", row.Key)));
        Observe<long>("sessions", false, "{session}", "Sessions on agents.", static totals =>
        [
            Tagged(totals.Sums.SessionsVscode, "type", "vscode"),
            Tagged(totals.Sums.SessionsJetbrains, "type", "jetbrains"),
            Tagged(totals.Sums.SessionsReconnectingPty, "type", "reconnecting_pty"),
            Tagged(totals.Sums.SessionsSsh, "type", "ssh"),
        ]);
        Observe<double>("latency", false, "s", "Mean of the median latencies that agents measure to their clients.", static totals =>
            [new(totals.Sums.LatencyMs / 1000)]);
        Observe<double>("reported", false, "1", "Sums of the metrics that agents define, the most frequent ones.", static totals =>
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

    /// <summary>
    /// Queries the database, unless the last result is less than 1 s old. All instruments and concurrent callers share one query.
    /// </summary>
    public Task RefreshAsync()
    {
        lock (_lock)
        {
            var now = _time.GetUtcNow();
            if (_query.IsCompleted && (_last is not { } last || now - last.At >= MaxResultAge || now < last.At))
            {
                _query = QueryAsync(now);
            }

            return _query;
        }
    }

    private IEnumerable<Measurement<T>> Measure<T>(Func<StatsTotals, IEnumerable<Measurement<T>>> read)
        where T : struct
    {
        if (RefreshAsync() is { IsFaulted: true } failed)
        {
            // The reader of the instruments reports the exception.
            throw failed.Exception!.GetBaseException();
        }

        return _last?.Totals is { } totals ? read(totals) : [];
    }

    private async Task QueryAsync(DateTimeOffset now)
    {
        StatsTotals? totals = null;
        try
        {
            totals = await _store.TotalsAsync(now - (2 * _options.StatsReportInterval));
        }
        catch (DbException)
        {
            // A scrape without these metrics is better than none. DatabaseHealth logs the outage.
        }
        finally
        {
            _last = new QueryResult(_time.GetUtcNow(), totals);
        }
    }

    /// <summary>The result of a query and its time. The totals are null when it failed.</summary>
    private sealed record QueryResult(DateTimeOffset At, StatsTotals? Totals);
}
