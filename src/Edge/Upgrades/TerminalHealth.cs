using System.Collections.Concurrent;
using Relay.Streams.Resumption;
using Yarp.ReverseProxy.Model;

namespace Edge.Upgrades;

/// <summary>
/// Moves terminals away from API servers that no longer answer probes although their connections are open. One timer serves all
/// terminals.
/// </summary>
internal sealed class TerminalHealth : IDisposable
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<ResumableServer, TerminalPlace> _places = new();
    private readonly ITimer _timer;

    public TerminalHealth(TimeProvider time) =>
        _timer = time.CreateTimer(static self => ((TerminalHealth)self!).Check(), this, Period, Period);

    public void Watch(ResumableServer server, TerminalPlace place) => _places[server] = place;

    public void Remove(ResumableServer server) => _places.TryRemove(server, out _);

    public void Dispose() => _timer.Dispose();

    private void Check()
    {
        foreach (var (server, place) in _places)
        {
            if (place.BecameUnhealthy())
            {
                server.AbandonServer();
            }
        }
    }
}

/// <summary>The API server that a terminal is attached to, and whether it has been healthy since.</summary>
internal sealed class TerminalPlace(DestinationState first)
{
    private readonly Lock _lock = new();
    private DestinationState _destination = first;
    private bool _wasHealthy = IsHealthy(first);
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
            (_destination, _wasHealthy, _rounds) = (destination, IsHealthy(destination), 0);
        }
    }

    /// <summary>Number of earlier rounds through all servers since the terminal was last attached to one.</summary>
    public int NextRound()
    {
        lock (_lock)
        {
            return _rounds++;
        }
    }

    /// <summary>
    /// True once when the server becomes unhealthy. A server that has just returned is unhealthy until its next probe, which is no
    /// change.
    /// </summary>
    public bool BecameUnhealthy()
    {
        lock (_lock)
        {
            var state = _destination.Health.Active;
            var isChange = _wasHealthy && state is DestinationHealth.Unhealthy;
            _wasHealthy = state is DestinationHealth.Healthy || (_wasHealthy && !isChange);
            return isChange;
        }
    }

    private static bool IsHealthy(DestinationState destination) => destination.Health.Active is DestinationHealth.Healthy;
}
