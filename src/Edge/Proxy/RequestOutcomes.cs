using System.Runtime.CompilerServices;
using Yarp.ReverseProxy.Model;

namespace Edge.Proxy;

/// <summary>
/// The outcome of the latest request to each API server: served, or no connection. Outcomes are known before the next probe, and
/// a probe's result replaces them.
/// </summary>
internal sealed class RequestOutcomes(TimeProvider time)
{
    /// <summary>How long an outcome is valid without a newer probe: two probes with their timeouts are faster.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(15);

    // A busy server's outcome is not updated at every request.
    private static readonly TimeSpan UpdateInterval = TimeSpan.FromSeconds(1);

    private readonly ConditionalWeakTable<DestinationState, Outcome> _latest = [];

    /// <summary>Records that the server has answered a request.</summary>
    public void Served(DestinationState destination)
    {
        var outcome = _latest.GetOrCreateValue(destination);
        var now = time.GetTimestamp();
        if (outcome.Latest is not { Serves: true } latest || time.GetElapsedTime(latest.At, now) > UpdateInterval)
        {
            outcome.Latest = new Entry(true, now);
        }
    }

    /// <summary>Records that the server has not accepted a connection.</summary>
    public void Refused(DestinationState destination) =>
        _latest.GetOrCreateValue(destination).Latest = new Entry(false, time.GetTimestamp());

    /// <summary>Records a probe, which is newer than any request.</summary>
    /// <param name="destination">The server.</param>
    /// <param name="reportsUnhealthy">Whether the server has answered that it is not healthy.</param>
    /// <returns>Whether this differs from the probe before.</returns>
    public bool Probed(DestinationState destination, bool reportsUnhealthy)
    {
        var outcome = _latest.GetOrCreateValue(destination);
        var isNew = outcome.ReportsUnhealthy != reportsUnhealthy;
        outcome.ReportsUnhealthy = reportsUnhealthy;
        outcome.Latest = null;
        return isNew;
    }

    /// <summary>Whether the server has answered the latest probe with the report that it is not healthy.</summary>
    public bool ReportsUnhealthy(DestinationState destination) =>
        _latest.TryGetValue(destination, out var outcome) && outcome.ReportsUnhealthy;

    /// <summary>Whether the server served the latest request; null when there is no valid outcome.</summary>
    public bool? Latest(DestinationState destination) =>
        _latest.TryGetValue(destination, out var outcome)
        && outcome.Latest is { } latest
        && time.GetElapsedTime(latest.At) < Lifetime
            ? latest.Serves
            : null;

    /// <summary>Concurrent requests write it; any of them may be the last.</summary>
    private sealed class Outcome
    {
        private volatile Entry? _latest;
        private volatile bool _reportsUnhealthy;

        public Entry? Latest
        {
            get => _latest;
            set => _latest = value;
        }

        public bool ReportsUnhealthy
        {
            get => _reportsUnhealthy;
            set => _reportsUnhealthy = value;
        }
    }

    private sealed record Entry(bool Serves, long At);
}
