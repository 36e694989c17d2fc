using Relay.Streams.Resumption;
using Sockets;
using Yarp.ReverseProxy.Model;

namespace Edge.Upgrades;

/// <summary>
/// Moves terminals away from API servers that no longer answer probes although their connections are open. One heartbeat checks all
/// terminals.
/// </summary>
internal sealed partial class TerminalHealth : IDisposable
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    private readonly Heartbeat<(ResumableServer Server, TerminalPlace Place)> _heartbeat;

    public TerminalHealth(TimeProvider time, ILogger<TerminalHealth> logger) => _heartbeat = new(
        Period, time, static (terminal, _) => Check(terminal.Server, terminal.Place), (_, fault) => LogFailed(logger, fault));

    public void Watch(ResumableServer server, TerminalPlace place) => _heartbeat.Add((server, place));

    public void Remove(ResumableServer server, TerminalPlace place) => _heartbeat.Remove((server, place));

    public void Dispose() => _heartbeat.Dispose();

    private static void Check(ResumableServer server, TerminalPlace place)
    {
        if (place.BecameUnhealthy())
        {
            server.AbandonServer();
        }
    }

    [LoggerMessage(EventId = 1055, Level = LogLevel.Error, Message = "Unhandled exception in the health check of a terminal's API server")]
    private static partial void LogFailed(ILogger logger, Exception exception);
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
