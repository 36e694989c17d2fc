using System.Collections.Concurrent;
using Relay.Streams.Resumption;
using Yarp.ReverseProxy.Model;

namespace Edge.Upgrades;

/// <summary>
/// Moves terminals away from API servers that do not answer probes any more although their connections stand. One timer looks at all.
/// </summary>
internal sealed class TerminalHealth : IDisposable
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<ResumableServer, TerminalPlace> _places = new();
    private readonly ITimer _timer;

    public TerminalHealth(TimeProvider time) => _timer = time.CreateTimer(static self => ((TerminalHealth)self!).Look(), this, Period, Period);

    public void Watch(ResumableServer server, TerminalPlace place) => _places[server] = place;

    public void Forget(ResumableServer server) => _places.TryRemove(server, out _);

    public void Dispose() => _timer.Dispose();

    private void Look()
    {
        foreach (var (server, place) in _places)
        {
            if (place.HasFallenIll())
            {
                server.AbandonServer();
            }
        }
    }
}

/// <summary>The API server that a terminal is with, and whether it was well since.</summary>
internal sealed class TerminalPlace(DestinationState first)
{
    private readonly Lock _lock = new();
    private DestinationState _destination = first;
    private bool _wasWell = IsWell(first);
    private int _rounds;

    public DestinationState Destination
    {
        get
        {
            lock (_lock)
            {
                return _destination;
            }
        }
    }

    public void MoveTo(DestinationState destination)
    {
        lock (_lock)
        {
            (_destination, _wasWell, _rounds) = (destination, IsWell(destination), 0);
        }
    }

    /// <summary>How often all servers have been asked before, since the terminal was last with one.</summary>
    public int NextRound()
    {
        lock (_lock)
        {
            return _rounds++;
        }
    }

    /// <summary>True once when it turns ill. One that is only just back counts as ill until the next probe: that is no news.</summary>
    public bool HasFallenIll()
    {
        lock (_lock)
        {
            var state = _destination.Health.Active;
            var falls = _wasWell && state is DestinationHealth.Unhealthy;
            _wasWell = state is DestinationHealth.Healthy || (_wasWell && !falls);
            return falls;
        }
    }

    private static bool IsWell(DestinationState destination) => destination.Health.Active is DestinationHealth.Healthy;
}
