using System.Data.Common;
using ControlPlane.Agents;
using Microsoft.Extensions.Logging;

namespace ControlPlane.Logs;

/// <summary>The tails of the agents that are followed now. An agent's first follower starts its tail, and the last one ends it.</summary>
internal sealed partial class LogTails(
    LogStore logs, AgentStore agents, LogSignals signals, ControlPlaneOptions options, TimeProvider time, ILogger<LogTails> logger) : IAsyncDisposable
{
    // Also short lines in memory are bounded, for a client that does not read.
    public const int PageLines = 256;

    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<Guid, Shared> _shared = [];

    // Also those that have no followers any more, and are reading for the last time.
    private readonly HashSet<Shared> _running = [];

    /// <summary>Agents that are followed now.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _shared.Count;
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

    /// <summary>Ends all tails, and completes when none of them reads the store any more.</summary>
    public async ValueTask DisposeAsync()
    {
        Shared[] running;
        lock (_lock)
        {
            running = [.. _running];
        }

        foreach (var shared in running)
        {
            await shared.Ended.CancelAsync();
        }

        await Task.WhenAll(running.Select(static shared => shared.Run));
    }

    private async Task<Shared> JoinAsync(Guid agentId)
    {
        lock (_lock)
        {
            if (_shared.TryGetValue(agentId, out var known))
            {
                known.Followers++;
                return known;
            }
        }

        var last = await logs.LastIdAsync(agentId);
        lock (_lock)
        {
            if (!_shared.TryGetValue(agentId, out var shared))
            {
                shared = new Shared(new LogTail(last));
                _shared.Add(agentId, shared);
                _running.Add(shared);
                shared.Run = RunAsync(agentId, shared);
            }

            shared.Followers++;
            return shared;
        }
    }

    private void Leave(Guid agentId, Shared shared)
    {
        lock (_lock)
        {
            if (--shared.Followers > 0)
            {
                return;
            }

            _shared.Remove(agentId);
        }

        shared.Ended.Cancel();
    }

    private async Task RunAsync(Guid agentId, Shared shared)
    {
        await Task.Yield();
        await ReadAsync(agentId, shared.Tail, shared.Ended.Token);
        lock (_lock)
        {
            _running.Remove(shared);
        }
    }

    /// <summary>Reads what is stored until nobody follows or the agent is gone; a fault ends its followers. Does not throw.</summary>
    private async Task ReadAsync(Guid agentId, LogTail tail, CancellationToken ended)
    {
        while (!ended.IsCancellationRequested)
        {
            // Before reading: lines stored since are signalled.
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
                // Not the database: it would be the same the next time.
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

            using var recheck = CancellationTokenSource.CreateLinkedTokenSource(ended);
            await Task.WhenAny(changed, Task.Delay(wait, time, recheck.Token));
            await recheck.CancelAsync();
        }
    }

    private sealed class Shared(LogTail tail)
    {
        public LogTail Tail { get; } = tail;

        /// <summary>Never disposed: its one registration goes when it is cancelled.</summary>
        public CancellationTokenSource Ended { get; } = new();

        public int Followers { get; set; }

        /// <summary>Completes when the tail reads the store no more. Does not fail.</summary>
        public Task Run { get; set; } = Task.CompletedTask;
    }
}
