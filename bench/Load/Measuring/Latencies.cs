using System.Diagnostics;
using Load.Scenarios;
using Load.Statistics;

namespace Load.Measuring;

/// <summary>Collects times from several threads; keeps every one, so percentiles are exact.</summary>
internal sealed class Latencies
{
    private readonly Lock _gate = new();
    private readonly List<double> _microseconds = [];
    private bool _on;

    /// <summary>The percentiles of one round's time, without what warms up before.</summary>
    public Dictionary<string, double> Over(Round round)
    {
        Thread.Sleep(TimeSpan.FromSeconds(round.WarmUp));
        Begin();
        Thread.Sleep(TimeSpan.FromSeconds(round.Seconds));
        var figures = new Dictionary<string, double>();
        Report(figures);
        return figures;
    }

    /// <summary>From now on times count; what warmed up before does not.</summary>
    public void Begin()
    {
        lock (_gate)
        {
            _on = true;
        }
    }

    /// <summary>Adds the time since a <see cref="Stopwatch"/> timestamp.</summary>
    public void AddSince(long timestamp)
    {
        var microseconds = Stopwatch.GetElapsedTime(timestamp).TotalMicroseconds;
        lock (_gate)
        {
            if (_on)
            {
                _microseconds.Add(microseconds);
            }
        }
    }

    /// <summary>Writes the percentiles in µs; fails when nothing came back at all.</summary>
    public void Report(IDictionary<string, double> figures)
    {
        double[] sorted;
        lock (_gate)
        {
            _on = false;
            sorted = [.. _microseconds.Order()];
        }

        if (sorted.Length == 0)
        {
            throw new InvalidOperationException("no message came back");
        }

        figures["p50_us"] = Series.Quantile(sorted, 0.5);
        figures["p90_us"] = Series.Quantile(sorted, 0.9);
        figures["p99_us"] = Series.Quantile(sorted, 0.99);
        figures["p99.9_us"] = Series.Quantile(sorted, 0.999);
        figures["messages"] = sorted.Length;
    }
}
