using ControlPlane.Access;
using ControlPlane.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ControlPlane.Logs;

/// <summary>Upgrades <c>{id}/logs?follow</c> to a WebSocket and sends it the log lines (tailnet.md §1.4, §9.1).</summary>
internal sealed class LogFollow(
    LogStore logs,
    LogTails tails,
    ControlPlaneOptions options,
    TimeProvider time,
    IHostApplicationLifetime lifetime,
    ILogger<LogFollow> logger)
{
    public async Task AcceptAsync(HttpContext context, Guid agentId, long after, long before)
    {
        // The follower itself ends the stream of a deleted agent, after the agent's last lines.
        StreamAccess.SetEndsWithAgent(context);
        if (await WebSocketUpgrade.AcceptAsync(context, options) is not { } socket)
        {
            return;
        }

        using (socket)
        {
            var stream = new WriteOnlySocket(socket, options, time, logger);
            await stream.RunAsync(
                (send, stop) => FollowAsync(agentId, after, before, send, stop),
                lifetime.ApplicationStopping);
        }
    }

    /// <summary>
    /// Returns after the last line of a deleted agent, or at the first line whose id is not below <paramref name="before"/>.
    /// </summary>
    internal Task FollowAsync(
        Guid agentId, long after, long before, Func<ReadOnlyMemory<byte>, Task> send, CancellationToken stop) => tails.FollowAsync(
            agentId, tail => new Follower(logs, options.MaxFollowMessageBytes, agentId, after, before, send).RunAsync(tail, stop));

    private sealed class Follower(
        LogStore logs, int maxMessageBytes, Guid agentId, long after, long before, Func<ReadOnlyMemory<byte>, Task> send)
    {
        private long _after = after;
        private bool _sent;
        private bool _reachedBefore;

        public async Task RunAsync(LogTail tail, CancellationToken stop)
        {
            await CatchUpAsync(stop);

            // The first message tells the client that it has caught up, also when it is empty.
            if (!_sent)
            {
                await send(LogMessages.Empty);
            }

            while (!_reachedBefore)
            {
                var step = tail.Next(_after);
                switch (step.Kind)
                {
                    case TailStepKind.Batch:
                        await SendAsync(step.Batch!);
                        break;
                    case TailStepKind.Behind:
                        await CatchUpAsync(stop);
                        break;
                    case TailStepKind.Wait:
                        await step.Changed!.WaitAsync(stop);
                        break;
                    default:
                        return;
                }

                stop.ThrowIfCancellationRequested();
            }
        }

        private async Task CatchUpAsync(CancellationToken stop)
        {
            while (!_reachedBefore)
            {
                var page = await logs.ReadPageAsync(agentId, _after, long.MaxValue, LogTails.PageLines, maxMessageBytes);
                await SendAsync(page.Lines);
                stop.ThrowIfCancellationRequested();
                if (!page.HasMore)
                {
                    return;
                }
            }
        }

        private async Task SendAsync(LogBatch batch)
        {
            if (batch.After != _after || batch.UpTo >= before)
            {
                await SendAsync([.. batch.Lines.Where(line => line.Id > _after)]);
                return;
            }

            foreach (var message in batch.Messages)
            {
                await send(message);
            }

            (_after, _sent) = (batch.UpTo, true);
        }

        private async Task SendAsync(IReadOnlyList<LogLine> lines)
        {
            if (lines.Count == 0)
            {
                return;
            }

            _reachedBefore = lines[^1].Id >= before;
            foreach (var message in LogMessages.Of(_reachedBefore ? lines.Where(line => line.Id < before) : lines, maxMessageBytes))
            {
                await send(message);
                _sent = true;
            }

            _after = lines[^1].Id;
        }
    }
}
