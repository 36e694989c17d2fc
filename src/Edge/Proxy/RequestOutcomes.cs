using System.Runtime.CompilerServices;
using Yarp.ReverseProxy.Model;

namespace Edge.Proxy;

/// <summary>
/// What the latest request to each API server has shown: it serves, or it takes no connection. Requests show it earlier than the next probe.
/// A probe's verdict replaces it.
/// </summary>
internal sealed class RequestOutcomes(TimeProvider time)
{
    /// <summary>How long an outcome counts where no probe replaces it: two probes with their time-outs take no longer.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(15);

    // A busy server is not written down for each of its requests.
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(1);

    private readonly ConditionalWeakTable<DestinationState, Outcome> _latest = [];

    /// <summary>The server has answered a request.</summary>
    public void Served(DestinationState destination)
    {
        var outcome = _latest.GetOrCreateValue(destination);
        var now = time.GetTimestamp();
        if (outcome.Latest is not { Serves: true } latest || time.GetElapsedTime(latest.At, now) > Fresh)
        {
            outcome.Latest = new Entry(true, now);
        }
    }

    /// <summary>The server has not taken a connection.</summary>
    public void Refused(DestinationState destination) => _latest.GetOrCreateValue(destination).Latest = new Entry(false, time.GetTimestamp());

    /// <summary>A probe has been judged, which is newer than any request.</summary>
    /// <param name="destination">The server.</param>
    /// <param name="saysItIsIll">The server has answered that it is not healthy.</param>
    /// <returns>Whether it has said otherwise before.</returns>
    public bool Probed(DestinationState destination, bool saysItIsIll)
    {
        var outcome = _latest.GetOrCreateValue(destination);
        var isNew = outcome.SaysItIsIll != saysItIsIll;
        outcome.SaysItIsIll = saysItIsIll;
        outcome.Latest = null;
        return isNew;
    }

    /// <summary>Whether the server has answered the latest probe, and said that it is not healthy.</summary>
    public bool SaysItIsIll(DestinationState destination) => _latest.TryGetValue(destination, out var outcome) && outcome.SaysItIsIll;

    /// <summary>Whether the server serves, by its latest request; null when requests tell nothing.</summary>
    public bool? Latest(DestinationState destination) =>
        _latest.TryGetValue(destination, out var outcome)
        && outcome.Latest is { } latest
        && time.GetElapsedTime(latest.At) < Lifetime
            ? latest.Serves
            : null;

    /// <summary>Written by many requests at once; any of them may be the latest.</summary>
    private sealed class Outcome
    {
        private volatile Entry? _latest;
        private volatile bool _saysItIsIll;

        public Entry? Latest
        {
            get => _latest;
            set => _latest = value;
        }

        public bool SaysItIsIll
        {
            get => _saysItIsIll;
            set => _saysItIsIll = value;
        }
    }

    private sealed record Entry(bool Serves, long At);
}
