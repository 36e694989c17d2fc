using System.Data.Common;
using System.Diagnostics.Metrics;

namespace ControlPlane.Statistics;

/// <summary>
/// What agents report, all together, as metrics that are read from the store when somebody asks. Connections and sessions count for two
/// report intervals, so that an agent that is gone does not count for ever. Whoever can wait awaits <see cref="RefreshAsync"/> first. An
/// instrument cannot: it begins a read where the last one is old, and tells what is known by then. SQLite has answered at once; from
/// PostgreSQL that is what the last finished read got.
/// </summary>
internal sealed class StatsMetrics : IDisposable
{
    private static readonly TimeSpan Reused = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly Meter _meter = new("ControlPlane");
    private readonly StatsStore _store;
    private readonly ControlPlaneOptions _options;
    private readonly TimeProvider _time;
    private Task _reading = Task.CompletedTask;
    private volatile Reading? _last;

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

    /// <summary>Reads the store, unless that was done just now: one read for all instruments, and for all who ask at once.</summary>
    public Task RefreshAsync()
    {
        lock (_lock)
        {
            var now = _time.GetUtcNow();
            if (_reading.IsCompleted && (_last is not { } last || now - last.At >= Reused || now < last.At))
            {
                _reading = ReadAsync(now);
            }

            return _reading;
        }
    }

    private IEnumerable<Measurement<T>> Measure<T>(Func<StatsTotals, IEnumerable<Measurement<T>>> read)
        where T : struct
    {
        if (RefreshAsync() is { IsFaulted: true } failed)
        {
            // Whoever reads the instruments reports it.
            throw failed.Exception!.GetBaseException();
        }

        return _last?.Totals is { } totals ? read(totals) : [];
    }

    private async Task ReadAsync(DateTimeOffset now)
    {
        StatsTotals? totals = null;
        try
        {
            totals = await _store.TotalsAsync(now - (2 * _options.StatsReportInterval));
        }
        catch (DbException)
        {
            // A scrape without these numbers is better than none; that the store is down is said elsewhere.
        }
        finally
        {
            _last = new Reading(_time.GetUtcNow(), totals);
        }
    }

    /// <summary>What the store answered, and when; no totals: it did not.</summary>
    private sealed record Reading(DateTimeOffset At, StatsTotals? Totals);
}
