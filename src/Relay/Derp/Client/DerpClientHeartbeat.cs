using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Sockets;

namespace Relay.Derp.Client;

/// <summary>One timer for all DERP clients of the process, for pings and for the time-outs of login, silence and writes.</summary>
public sealed partial class DerpClientHeartbeat : IDisposable
{
    /// <summary>The time between two checks of a client, which is the maximum delay of a time-out.</summary>
    public static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    private readonly Heartbeat<DerpClientConnection> _clients;

    /// <summary>Creates a heartbeat without clients, which uses no timer.</summary>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Gets unhandled exceptions; null for none.</param>
    public DerpClientHeartbeat(TimeProvider time, ILogger? logger = null)
    {
        ArgumentNullException.ThrowIfNull(time);
        Time = time;
        var log = logger ?? NullLogger.Instance;
        _clients = new Heartbeat<DerpClientConnection>(
            Period, time, static (client, now) => client.Beat(now), (_, exception) => Failed(log, exception));
    }

    internal TimeProvider Time { get; }

    /// <summary>Stops the timer. The clients should have ended before.</summary>
    public void Dispose() => _clients.Dispose();

    internal void Add(DerpClientConnection client) => _clients.Add(client);

    internal void Remove(DerpClientConnection client) => _clients.Remove(client);

    [LoggerMessage(EventId = 2003, Level = LogLevel.Error, Message = "Unhandled exception in the heartbeat of a DERP client")]
    private static partial void Failed(ILogger logger, Exception exception);
}
