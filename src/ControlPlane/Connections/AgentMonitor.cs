using System.Data.Common;
using ControlPlane.Access;
using ControlPlane.Storage;
using Microsoft.Extensions.Logging;
using Tailnet.Yamux;

namespace ControlPlane.Connections;

/// <summary>
/// Watches agents' connections (tailnet.md §5): pings, stores signs of life, closes a session whose agent does not answer, and stores its
/// end, unless the agent has come back on another connection meanwhile. The sessions of a removed agent are closed by
/// <see cref="OpenStreams"/>.
/// </summary>
internal sealed partial class AgentMonitor(
    AgentConnectionStore store,
    Database database,
    AccessSignals access,
    ControlPlaneOptions options,
    TimeProvider time,
    ILogger<AgentMonitor> logger)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<Guid, Connection> _latest = [];

    /// <summary>Watches until <paramref name="ended"/>; does not throw.</summary>
    public Task RunAsync(Guid agentId, YamuxSession session, CancellationToken ended) =>
        RunAsync(agentId, session.PingAsync, session.Close, ended);

    /// <summary>Watches a connection of any kind until <paramref name="ended"/>; does not throw.</summary>
    /// <param name="agentId">Whose it is.</param>
    /// <param name="ping">Completes when the agent has answered.</param>
    /// <param name="close">Ends the connection.</param>
    /// <param name="ended">Cancelled when the connection is over.</param>
    public async Task RunAsync(Guid agentId, Func<CancellationToken, Task> ping, Action close, CancellationToken ended)
    {
        var connection = new Connection(ping, close);
        lock (_lock)
        {
            _latest[agentId] = connection;
        }

        await StoreAsync(store.ConnectedAsync, agentId);
        await WatchAsync(agentId, connection, ended);
        lock (_lock)
        {
            if (_latest.GetValueOrDefault(agentId) != connection)
            {
                return;
            }

            _latest.Remove(agentId);
        }

        await StoreAsync(store.DisconnectedAsync, agentId);
    }

    private async Task WatchAsync(Guid agentId, Connection connection, CancellationToken ended)
    {
        using var timer = new PeriodicTimer(options.AgentPingInterval, time);
        try
        {
            var lastPong = time.GetTimestamp();
            var ping = connection.Ping(ended);
            while (await timer.WaitForNextTickAsync(ended))
            {
                if (ping.IsCompleted)
                {
                    await ping;
                    lastPong = time.GetTimestamp();
                    if (await StoreAsync(store.AliveAsync, agentId) == 0)
                    {
                        // Its token would not be taken any more: the streams that it let in are closed in one place, all with 1008.
                        access.Changed();
                    }

                    ping = connection.Ping(ended);
                }
                else if (time.GetElapsedTime(lastPong) >= options.AgentPongTimeout)
                {
                    Silent(logger, agentId);
                    connection.Close();
                    await ping;
                }
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or YamuxException)
        {
            // The session is over.
        }
    }

    /// <summary>A database that is busy or full must not end the agent's connection; the next sign of life is stored again.</summary>
    private async Task<int?> StoreAsync(Func<Guid, CancellationToken, Task<int>> store, Guid agentId)
    {
        try
        {
            return await store(agentId, CancellationToken.None);
        }
        catch (DbException exception)
        {
            if (!database.IsOutage(exception))
            {
                NotStored(logger, agentId, exception);
            }

            return null;
        }
    }

    private sealed class Connection(Func<CancellationToken, Task> ping, Action close)
    {
        public Func<CancellationToken, Task> Ping { get; } = ping;

        public Action Close { get; } = close;
    }
}
