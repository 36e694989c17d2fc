using ControlPlane.Access;
using ControlPlane.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ControlPlane.Logs;

/// <summary>Upgrades <c>{id}/logs?follow</c> and runs the follower (tailnet.md §1.4, §9.1).</summary>
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
        // After the last lines.
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

    /// <summary>Ends when the agent is gone and all its lines are sent, or when a line has come that <paramref name="before"/> leaves out.</summary>
    internal Task FollowAsync(
        Guid agentId, long after, long before, Func<ReadOnlyMemory<byte>, Task> send, CancellationToken stop) => tails.FollowAsync(
            agentId, tail => new Follower(logs, options.MaxFollowMessageBytes, agentId, after, before, send).RunAsync(tail, stop));

    private sealed class Follower(
        LogStore logs, int maxMessageBytes, Guid agentId, long after, long before, Func<ReadOnlyMemory<byte>, Task> send)
    {
        private long _after = after;
        private bool _sent;
        private bool _over;

        public async Task RunAsync(LogTail tail, CancellationToken stop)
        {
            await CatchUpAsync(stop);

            // A client waits for its first message to know that it has caught up.
            if (!_sent)
            {
                await send(LogMessages.Empty);
            }

            while (!_over)
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
            while (!_over)
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

            _over = lines[^1].Id >= before;
            foreach (var message in LogMessages.Of(_over ? lines.Where(line => line.Id < before) : lines, maxMessageBytes))
            {
                await send(message);
                _sent = true;
            }

            _after = lines[^1].Id;
        }
    }
}
