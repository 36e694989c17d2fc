using System.Data.Common;
using System.Net.WebSockets;
using ControlPlane.Hosting;
using ControlPlane.Storage;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ControlPlane.Access;

/// <summary>
/// The WebSockets that are open, by what let them in. One whose token would be refused now, or whose agent is no longer its user's, is closed with
/// 1008: at once when this deployment changes it, and within <see cref="ControlPlaneOptions.AccessRecheck"/> otherwise.
/// </summary>
internal sealed partial class OpenStreams(
    Database database, AccessSignals signals, ControlPlaneOptions options, TimeProvider time, ILogger<OpenStreams> logger) : BackgroundService
{
    private const string Reason = "access was withdrawn";

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Group> _groups = [];

    /// <summary>Watches over a stream until the result is disposed.</summary>
    public IDisposable Add(StreamAccess access, RevocableWebSocket socket)
    {
        var key = access.Key;
        lock (_lock)
        {
            if (!_groups.TryGetValue(key, out var group))
            {
                _groups.Add(key, group = new Group(access));
            }

            group.Sockets.Add(socket);
        }

        return new Entry(this, key, socket);
    }

    /// <summary>Looks again, whenever there is reason to.</summary>
    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        BackgroundLoop.RunAsync(nameof(OpenStreams), LookAsync, time, logger, stoppingToken);

    private async Task LookAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            // Before looking: what changes after that is signalled.
            var changed = signals.Next(Guid.Empty);
            var closed = (await RefusedAsync(Snapshot())).Sum(access => Close(access, stoppingToken));
            if (closed > 0)
            {
                Closed(logger, closed);
            }

            using var recheck = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
            await Task.WhenAny(changed, Task.Delay(options.AccessRecheck, time, recheck.Token));
            await recheck.CancelAsync();
        }
    }

    private StreamAccess[] Snapshot()
    {
        lock (_lock)
        {
            return [.. _groups.Values.Select(static group => group.Access)];
        }
    }

    private async Task<List<StreamAccess>> RefusedAsync(StreamAccess[] open)
    {
        var refused = new List<StreamAccess>();
        try
        {
            // In turns, so that no connection to the database is held for long.
            foreach (var some in open.Chunk(128))
            {
                refused.AddRange(await database.ReadAsync(async connection =>
                {
                    var found = new List<StreamAccess>();
                    foreach (var access in some)
                    {
                        if (!await IsGoodAsync(connection, access))
                        {
                            found.Add(access);
                        }
                    }

                    return found;
                }));
            }
        }
        catch (DbException exception) when (!database.IsOutage(exception))
        {
            NotLookedAt(logger, exception);
        }
        catch (DbException)
        {
            // DatabaseHealth says so, once.
        }

        return refused;
    }

    private async ValueTask<bool> IsGoodAsync(DbConnection connection, StreamAccess access) => access.KeyId is null
        ? await connection.CountAsync(
            """
            SELECT (SELECT count(*) FROM workspace_agents WHERE hashed_auth_token = @hash) + (SELECT count(*) FROM instance_tokens WHERE hashed_token = @hash)
            """,
            ("@hash", access.HashedSecret)) > 0
        : await connection.CountAsync(
            """
            SELECT count(*) FROM api_keys JOIN users ON users.id = api_keys.user_id
            WHERE api_keys.id = @id AND api_keys.hashed_secret = @hash AND users.status = 'active'
                AND (api_keys.expires_at IS NULL OR api_keys.expires_at > @now)
                AND (@any = 1 OR EXISTS (
                    SELECT 1 FROM workspace_agents agents JOIN workspaces ON workspaces.id = agents.workspace_id
                    WHERE agents.id = @agent AND workspaces.owner_id = users.id)
                    OR (@ends = 1 AND NOT EXISTS (SELECT 1 FROM workspace_agents WHERE id = @agent)))
            """,
            ("@id", access.KeyId),
            ("@hash", access.HashedSecret),
            ("@now", time.GetUtcNow()),
            ("@any", access.AgentId == Guid.Empty ? 1L : 0L),
            ("@ends", access.EndsWithAgent ? 1L : 0L),
            ("@agent", access.AgentId)) > 0;

    private int Close(StreamAccess access, CancellationToken stop)
    {
        Group? group;
        lock (_lock)
        {
            _groups.Remove(access.Key, out group);
        }

        foreach (var socket in group?.Sockets ?? [])
        {
            _ = CloseAsync(socket, stop);
        }

        return group?.Sockets.Count ?? 0;
    }

    /// <summary>Whoever serves the socket sees the client's answer, or the cut, as its end. Never throws.</summary>
    private async Task CloseAsync(RevocableWebSocket socket, CancellationToken stop)
    {
        using var cut = new CancellationTokenSource(options.WebSocketCloseTimeout, time);
        try
        {
            await socket.RevokeAsync(Reason, cut.Token);
        }
        catch (WebSocketException) when (socket.State is WebSocketState.CloseSent or WebSocketState.Closed)
        {
            // Whoever serves it has closed it already, and waits for the peer no longer than is waited here.
            return;
        }
        catch (Exception)
        {
            // However it fails, the socket ends already.
            socket.Abort();
            return;
        }

        await Task.WhenAny(Task.Delay(options.WebSocketCloseTimeout, time, stop));
        socket.Abort();
    }

    private void Remove(string key, RevocableWebSocket socket)
    {
        lock (_lock)
        {
            if (_groups.TryGetValue(key, out var group) && group.Sockets.Remove(socket) && group.Sockets.Count == 0)
            {
                _groups.Remove(key);
            }
        }
    }

    private sealed record Group(StreamAccess Access)
    {
        public HashSet<RevocableWebSocket> Sockets { get; } = [];
    }

    private sealed class Entry(OpenStreams streams, string key, RevocableWebSocket socket) : IDisposable
    {
        public void Dispose() => streams.Remove(key, socket);
    }
}
