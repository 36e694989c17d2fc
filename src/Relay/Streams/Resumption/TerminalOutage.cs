using System.IO.Pipelines;
using Relay.Streams.Wire;
using Sockets;

namespace Relay.Streams.Resumption;

/// <summary>
/// The time between two API servers of a terminal: its client is told, its pings are answered, and another server is attached to. What the
/// client is to get meanwhile goes through a pipe that ends with the outage.
/// </summary>
/// <param name="present">The server that is lost, and then the other one.</param>
/// <param name="input">What the client types.</param>
/// <param name="attachment">The tries.</param>
/// <param name="metrics">Counts the outages by how they ended.</param>
/// <param name="stop">The terminal was aborted.</param>
/// <param name="leaves">The client has closed, or ended its bytes.</param>
internal sealed class TerminalOutage(
    CurrentBackend present, TerminalInputWriter input, Attachment attachment, StreamMetrics metrics, CancellationToken stop, CancellationToken leaves)
{
    /// <summary>The last outage's end; faulted after a fault of the program.</summary>
    public Task Ended { get; private set; } = Task.CompletedTask;

    /// <summary>Whether the last outage has ended with a server.</summary>
    public bool IsResumed { get; private set; }

    /// <summary>A pipe for an outage's messages, which the thread pool's threads carry on.</summary>
    public static Pipe CreateMessages() => new(new PipeOptions(BlockMemoryPool.Shared, useSynchronizationContext: false));

    /// <summary>Begins an outage; nobody reads from the server any more.</summary>
    /// <param name="messages">Has what the client is to get first; completed when the outage is over.</param>
    public void Begin(PipeWriter messages)
    {
        IsResumed = false;
        Ended = RunAsync(messages);
    }

    private async Task RunAsync(PipeWriter messages)
    {
        // Not on a socket thread, which has other streams to carry.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        Exception? error = null;
        try
        {
            IsResumed = await ResumeAsync(messages).ConfigureAwait(false);
        }
        catch (Exception failure) when (TransportFailure.Is(failure))
        {
            error = failure;
        }
        catch (Exception failure)
        {
            // A fault of the program: the relay must not be left waiting while it travels up.
            error = new IOException("The terminal's stream failed.", failure);
            throw;
        }
        finally
        {
            await messages.CompleteAsync(error).ConfigureAwait(false);
        }
    }

    private async Task<bool> ResumeAsync(PipeWriter messages)
    {
        // With it, whatever the relay waits for while it writes.
        present.Leave();
        await messages.FlushAsync(CancellationToken.None).ConfigureAwait(false);
        await input.LeaveAsync().ConfigureAwait(false);
        attachment.Lost();
        if (leaves.IsCancellationRequested)
        {
            await CloseAsync(messages, null).ConfigureAwait(false);
            return false;
        }

        if (!await SayAsync(messages, ResumeMessages.Paused).ConfigureAwait(false))
        {
            return false;
        }

        var result = await AttachAnsweringAsync(messages).ConfigureAwait(false);
        metrics.Reattached(result switch
        {
            AttachResult.Attached => "resumed",
            AttachResult.Refused => "refused",
            AttachResult.Gone => "gone",
            _ => leaves.IsCancellationRequested || present.IsStopped ? "left" : "timeout",
        });
        if (result is not AttachResult.Attached { Server: var server })
        {
            if (result is AttachResult.Gone && !await SayAsync(messages, ResumeMessages.Gone).ConfigureAwait(false))
            {
                return false;
            }

            await CloseAsync(messages, result).ConfigureAwait(false);
            return false;
        }

        await present.TakeOverAsync(server).ConfigureAwait(false);

        // First: what is typed after it is read has to count.
        await input.GiveAsync(server).ConfigureAwait(false);
        if (leaves.IsCancellationRequested)
        {
            // It may not have seen that.
            await CloseAsync(messages, null).ConfigureAwait(false);
            return false;
        }

        if (input.Pings.TryRead(out var ping))
        {
            await AnswerAsync(messages, ping).ConfigureAwait(false);
        }

        attachment.Resumed();
        return await SayAsync(messages, ResumeMessages.Resumed).ConfigureAwait(false);
    }

    /// <summary>Attaches, and meanwhile answers the client's pings, which nobody else would.</summary>
    private async Task<AttachResult?> AttachAnsweringAsync(PipeWriter messages)
    {
        using var attached = CancellationTokenSource.CreateLinkedTokenSource(stop);
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(stop, leaves);
        var answering = AnswerPingsAsync(messages, attached.Token);
        try
        {
            return await attachment.AttachAsync(ends.Token).ConfigureAwait(false);
        }
        finally
        {
            await attached.CancelAsync().ConfigureAwait(false);
            await answering.ConfigureAwait(false);
        }
    }

    private async Task AnswerPingsAsync(PipeWriter messages, CancellationToken cancellation)
    {
        try
        {
            while (true)
            {
                await AnswerAsync(messages, await input.Pings.ReadAsync(cancellation).ConfigureAwait(false)).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // There is a server again, or no client.
            return;
        }
    }

    private static async ValueTask AnswerAsync(PipeWriter messages, byte[] ping)
    {
        FrameHeader.Write(messages, FrameHeader.Pong, final: true, ping.Length, null);
        await messages.WriteAsync(ping).ConfigureAwait(false);
    }

    /// <summary>Shows the client a text; false when there is no client any more.</summary>
    private async Task<bool> SayAsync(PipeWriter messages, byte[] text)
    {
        FrameHeader.Write(messages, FrameHeader.Binary, final: true, text.Length, null);
        var flushed = await messages.WriteAsync(text).ConfigureAwait(false);
        return !flushed.IsCompleted && !present.IsStopped;
    }

    private async Task CloseAsync(PipeWriter messages, AttachResult? result)
    {
        var size = ResumeMessages.WriteClose(messages.GetSpan(CloseFrame.MaxSize), result, leaves.IsCancellationRequested);
        messages.Advance(size);
        await messages.FlushAsync(CancellationToken.None).ConfigureAwait(false);
    }
}
