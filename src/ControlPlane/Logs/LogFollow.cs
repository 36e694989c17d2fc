using ControlPlane.Agents;
using ControlPlane.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ControlPlane.Logs;

/// <summary>Upgrades <c>{id}/logs?follow</c> and runs the follower (tailnet.md §1.4, §9.1).</summary>
internal sealed class LogFollow(
    LogStore logs,
    AgentStore agents,
    LogSignals signals,
    ControlPlaneOptions options,
    TimeProvider time,
    IHostApplicationLifetime lifetime,
    ILogger<LogFollow> logger)
{
    // Also short lines in memory are bounded, for a client that does not read.
    private const int PageLines = 256;

    public async Task AcceptAsync(HttpContext context, Guid agentId, long after)
    {
        if (await WebSocketUpgrade.AcceptAsync(context, options) is not { } socket)
        {
            return;
        }

        using (socket)
        {
            var stream = new WriteOnlySocket(socket, options, time, logger);
            await stream.RunAsync(
                (send, stop) => FollowAsync(agentId, after, send, stop),
                lifetime.ApplicationStopping);
        }
    }

    /// <summary>Ends when the agent is gone and all its lines are sent.</summary>
    private async Task FollowAsync(Guid agentId, long after, Func<ReadOnlyMemory<byte>, Task> send, CancellationToken stop)
    {
        var first = true;
        while (true)
        {
            // Both before reading: lines stored since are signalled, and lines of an agent since removed are gone with it.
            var changed = signals.Next(agentId);
            var alive = agents.Exists(agentId);
            var page = logs.ReadPage(agentId, after, long.MaxValue, PageLines, options.MaxFollowMessageBytes);
            foreach (var message in LogMessages.Of(page, options.MaxFollowMessageBytes))
            {
                await send(message);
                first = false;
            }

            if (page.Count > 0)
            {
                after = page[^1].Id;
                stop.ThrowIfCancellationRequested();
                continue;
            }

            if (!alive)
            {
                return;
            }

            // A client waits for its first message to know that it has caught up.
            if (first)
            {
                await send(LogMessages.Empty);
                first = false;
            }

            await Signals.WaitAsync(changed, options.FollowRecheck, time, stop);
        }
    }
}
