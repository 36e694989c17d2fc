using System.Data.Common;
using System.Net.WebSockets;
using ControlPlane.Hosting;
using ControlPlane.Storage;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ControlPlane.Access;

/// <summary>
/// The open WebSockets, grouped by the credentials that authorized them. A WebSocket is closed with 1008 when its token is no longer valid,
/// or its agent no longer belongs to its user. Changes by this deployment close it at once, all others within
/// <see cref="ControlPlaneOptions.AccessRecheck"/>.
/// </summary>
internal sealed partial class OpenStreams(
    Database database,
    AccessSignals signals,
    ControlPlaneOptions options,
    TimeProvider time,
    ILogger<OpenStreams> logger) : BackgroundService
{
    private const string Reason = "access was withdrawn";

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Group> _groups = [];

    // Completes when a stream was added whose access may have been withdrawn since its credentials were checked.
    private TaskCompletionSource _stale = NewSignal();

    /// <summary>Adds a stream, whose access is checked until the result is disposed.</summary>
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
            if (access.Version != signals.Version)
            {
                _stale.TrySetResult();
            }
        }

        return new Entry(this, key, socket);
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        BackgroundLoop.RunAsync(nameof(OpenStreams), CheckAsync, time, logger, stoppingToken);

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private async Task CheckAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            // The signal is taken before the read, so that no change after the read is missed.
            var changed = signals.Next(Guid.Empty);
            var open = Snapshot(out var stale);
            var closed = (await FindRevokedAsync(open)).Sum(access => Close(access, stoppingToken));
            if (closed > 0)
            {
                Closed(logger, closed);
            }

            using var recheck = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
            await Task.WhenAny(changed, stale, Task.Delay(options.AccessRecheck, time, recheck.Token));
            await recheck.CancelAsync();
        }
    }

    private StreamAccess[] Snapshot(out Task stale)
    {
        lock (_lock)
        {
            if (_stale.Task.IsCompleted)
            {
                _stale = NewSignal();
            }

            stale = _stale.Task;
            return [.. _groups.Values.Select(static group => group.Access)];
        }
    }

    private async Task<List<StreamAccess>> FindRevokedAsync(StreamAccess[] open)
    {
        var revoked = new List<StreamAccess>();
        try
        {
            // Chunks return the database connection to the pool often, for other requests.
            foreach (var chunk in open.Chunk(128))
            {
                revoked.AddRange(await database.ReadAsync(async connection =>
                {
                    var found = new List<StreamAccess>();
                    foreach (var access in chunk)
                    {
                        if (!await IsValidAsync(connection, access))
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
            CheckFailed(logger, exception);
        }
        catch (DbException)
        {
            // DatabaseHealth logs an outage, once.
        }

        return revoked;
    }

    private async ValueTask<bool> IsValidAsync(DbConnection connection, StreamAccess access) => access.KeyId is null
        ? await connection.CountAsync(
            """
            SELECT (SELECT count(*) FROM workspace_agents WHERE hashed_auth_token = @hash)
                + (SELECT count(*) FROM instance_tokens WHERE hashed_token = @hash)
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

    /// <summary>
    /// Sends the close, and aborts the socket after the close timeout. The endpoint that reads the socket sees the client's close or the
    /// abort. Never throws.
    /// </summary>
    private async Task CloseAsync(RevocableWebSocket socket, CancellationToken stop)
    {
        using var timeout = new CancellationTokenSource(options.WebSocketCloseTimeout, time);
        try
        {
            await socket.RevokeAsync(Reason, timeout.Token);
        }
        catch (WebSocketException) when (socket.State is WebSocketState.CloseSent or WebSocketState.Closed)
        {
            // The endpoint has closed the socket already, and has the same timeout for the client's answer.
            return;
        }
        catch (Exception)
        {
            // Any other failure means that the socket is broken.
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
