using System.Data.Common;
using ControlPlane.Agents;
using Microsoft.Extensions.Logging;

namespace ControlPlane.Logs;

/// <summary>The tails of all agents that have followers. An agent's first follower starts its tail, and the last one stops it.</summary>
internal sealed partial class LogTails(
    LogStore logs,
    AgentStore agents,
    LogSignals signals,
    ControlPlaneOptions options,
    TimeProvider time,
    ILogger<LogTails> logger) : IAsyncDisposable
{
    // Bounds the memory of short lines for a client that does not read. MaxFollowMessageBytes bounds that of long ones.
    public const int PageLines = 256;

    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<Guid, SharedTail> _tails = [];

    // These include tails without followers whose last query still runs.
    private readonly HashSet<SharedTail> _running = [];

    /// <summary>The number of agents that have followers.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _tails.Count;
            }
        }
    }

    /// <summary>Runs a follower with the agent's tail.</summary>
    public async Task FollowAsync(Guid agentId, Func<LogTail, Task> follow)
    {
        var shared = await JoinAsync(agentId);
        try
        {
            await follow(shared.Tail);
        }
        finally
        {
            Leave(agentId, shared);
        }
    }

    /// <summary>Stops all tails, and waits for their last queries.</summary>
    public async ValueTask DisposeAsync()
    {
        SharedTail[] running;
        lock (_lock)
        {
            running = [.. _running];
        }

        foreach (var shared in running)
        {
            await shared.Stop.CancelAsync();
        }

        await Task.WhenAll(running.Select(static shared => shared.Run));
    }

    private async Task<SharedTail> JoinAsync(Guid agentId)
    {
        lock (_lock)
        {
            if (_tails.TryGetValue(agentId, out var known))
            {
                known.Followers++;
                return known;
            }
        }

        var last = await logs.LastIdAsync(agentId);
        lock (_lock)
        {
            if (!_tails.TryGetValue(agentId, out var shared))
            {
                shared = new SharedTail(new LogTail(last));
                _tails.Add(agentId, shared);
                _running.Add(shared);
                shared.Run = RunAsync(agentId, shared);
            }

            shared.Followers++;
            return shared;
        }
    }

    private void Leave(Guid agentId, SharedTail shared)
    {
        lock (_lock)
        {
            if (--shared.Followers > 0)
            {
                return;
            }

            _tails.Remove(agentId);
        }

        shared.Stop.Cancel();
    }

    private async Task RunAsync(Guid agentId, SharedTail shared)
    {
        await Task.Yield();
        await ReadAsync(agentId, shared.Tail, shared.Stop.Token);
        lock (_lock)
        {
            _running.Remove(shared);
        }
    }

    /// <summary>Reads new lines until the last follower leaves, the agent is deleted, or an unexpected exception. Does not throw.</summary>
    private async Task ReadAsync(Guid agentId, LogTail tail, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            // Taken before the query, so that lines which are stored during it are signalled.
            var changed = signals.Next(agentId);
            var wait = options.FollowRecheck;
            try
            {
                var page = await logs.ReadPageAsync(agentId, tail.Position, long.MaxValue, PageLines, options.MaxFollowMessageBytes);
                if (page.Lines.Count > 0)
                {
                    tail.Add(page.Lines, options.MaxFollowMessageBytes);
                    if (page.HasMore)
                    {
                        continue;
                    }
                }
                else if (!await agents.ExistsAsync(agentId))
                {
                    tail.End();
                    return;
                }
            }
            catch (Exception exception) when (exception is not DbException)
            {
                // Anything but a fault of the database would fail again in the same way.
                Failed(logger, agentId, exception);
                tail.Fail(exception);
                return;
            }
            catch (DbException exception)
            {
                if (!logs.IsOutage(exception))
                {
                    NotRead(logger, agentId, exception);
                }

                (changed, wait) = (new TaskCompletionSource().Task, RetryAfter);
            }

            using var recheck = CancellationTokenSource.CreateLinkedTokenSource(stop);
            await Task.WhenAny(changed, Task.Delay(wait, time, recheck.Token));
            await recheck.CancelAsync();
        }
    }

    private sealed class SharedTail(LogTail tail)
    {
        public LogTail Tail { get; } = tail;

        /// <summary>Not disposed: it has no timer, and its cancellation removes its registration.</summary>
        public CancellationTokenSource Stop { get; } = new();

        public int Followers { get; set; }

        /// <summary>Completes after the tail's last query. Does not fail.</summary>
        public Task Run { get; set; } = Task.CompletedTask;
    }
}
