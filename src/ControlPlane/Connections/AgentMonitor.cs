using System.Data.Common;
using ControlPlane.Access;
using ControlPlane.Storage;
using Microsoft.Extensions.Logging;
using Tailnet.Yamux;

namespace ControlPlane.Connections;

/// <summary>
/// Monitors agents' connections (tailnet.md §5). It pings each agent, stores the times of its answers, and closes the session of an agent
/// that does not answer. It stores the end of a connection, unless the agent has reconnected in the meantime. <see cref="OpenStreams"/>
/// closes the sessions of a deleted agent.
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

    /// <summary>Monitors a yamux session until <paramref name="ended"/>. Does not throw.</summary>
    public Task RunAsync(Guid agentId, YamuxSession session, CancellationToken ended) =>
        RunAsync(agentId, session.PingAsync, session.Close, ended);

    /// <summary>Monitors a connection of any kind until <paramref name="ended"/>. Does not throw.</summary>
    /// <param name="agentId">The agent's id.</param>
    /// <param name="ping">Completes when the agent has answered.</param>
    /// <param name="close">Closes the connection.</param>
    /// <param name="ended">Cancelled when the connection has ended.</param>
    public async Task RunAsync(Guid agentId, Func<CancellationToken, Task> ping, Action close, CancellationToken ended)
    {
        var connection = new Connection(ping, close);
        lock (_lock)
        {
            _latest[agentId] = connection;
        }

        await StoreAsync(store.ConnectedAsync, agentId);
        await PingAsync(agentId, connection, ended);
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

    private async Task PingAsync(Guid agentId, Connection connection, CancellationToken ended)
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
                    if (await StoreAsync(store.SeenAsync, agentId) == 0)
                    {
                        // The agent was deleted, and its token with it: OpenStreams closes all streams of the token with 1008.
                        access.Changed();
                    }

                    ping = connection.Ping(ended);
                }
                else if (time.GetElapsedTime(lastPong) >= options.AgentPongTimeout)
                {
                    Unresponsive(logger, agentId);
                    connection.Close();
                    await ping;
                }
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or YamuxException)
        {
            // The session has ended.
        }
    }

    /// <summary>
    /// Stores a time. A database that is busy or full must not end the agent's connection; the next pong is stored again.
    /// </summary>
    /// <returns>The number of changed rows; null after an error.</returns>
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
                StoreFailed(logger, agentId, exception);
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
