using System.IO.Pipelines;
using Relay.Streams.Wire;
using Sockets;

namespace Relay.Streams.Resumption;

/// <summary>
/// The time between two API servers of a terminal. The outage shows its client a text, answers its pings, and attaches another server. The
/// client's messages go through a pipe that ends with the outage.
/// </summary>
/// <param name="backend">The lost server, and later its replacement.</param>
/// <param name="input">The writer of the client's input.</param>
/// <param name="retries">The attempts to attach.</param>
/// <param name="metrics">Counts the outages by result.</param>
/// <param name="stop">Cancelled when the terminal is aborted.</param>
/// <param name="clientEnded">Cancelled when the client closes or ends its bytes.</param>
internal sealed class TerminalOutage(
    CurrentBackend backend,
    TerminalInputWriter input,
    AttachRetries retries,
    StreamMetrics metrics,
    CancellationToken stop,
    CancellationToken clientEnded)
{
    /// <summary>Completes with the last outage; faulted after a bug in this program.</summary>
    public Task Ended { get; private set; } = Task.CompletedTask;

    /// <summary>Whether the last outage ended with a new server.</summary>
    public bool IsResumed { get; private set; }

    /// <summary>Creates the pipe for an outage's messages. Its continuations run on the thread pool.</summary>
    public static Pipe CreateMessages() => new(new PipeOptions(BlockMemoryPool.Shared, useSynchronizationContext: false));

    /// <summary>Begins an outage. The caller has ended its reads of the server.</summary>
    /// <param name="messages">
    /// The pipe, with the first bytes for the client already in it. The outage completes the pipe at its end.
    /// </param>
    public void Begin(PipeWriter messages)
    {
        IsResumed = false;
        Ended = RunAsync(messages);
    }

    private async Task RunAsync(PipeWriter messages)
    {
        // Leaves the socket thread, which has other streams to serve.
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
            // A bug in this program: the pipe is completed first, so that the relay does not hang.
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
        // This also ends a flush to the lost server that the relay waits for.
        backend.Abandon();
        await messages.FlushAsync(CancellationToken.None).ConfigureAwait(false);
        await input.DetachAsync().ConfigureAwait(false);
        retries.OnLost();
        if (clientEnded.IsCancellationRequested)
        {
            await CloseAsync(messages, null).ConfigureAwait(false);
            return false;
        }

        if (!await ShowAsync(messages, ResumeMessages.Paused).ConfigureAwait(false))
        {
            return false;
        }

        var result = await AttachAndAnswerPingsAsync(messages).ConfigureAwait(false);
        metrics.OutageEnded(result switch
        {
            AttachResult.Attached => "resumed",
            AttachResult.Refused => "refused",
            AttachResult.Gone => "gone",
            _ => clientEnded.IsCancellationRequested || backend.IsStopped ? "left" : "timeout",
        });
        if (result is not AttachResult.Attached { Server: var server })
        {
            if (result is AttachResult.Gone && !await ShowAsync(messages, ResumeMessages.Gone).ConfigureAwait(false))
            {
                return false;
            }

            await CloseAsync(messages, result).ConfigureAwait(false);
            return false;
        }

        await backend.ReplaceAsync(server).ConfigureAwait(false);

        // Before the client reads the text: input that the user types after reading it must count.
        await input.AttachAsync(server).ConfigureAwait(false);
        if (clientEnded.IsCancellationRequested)
        {
            // The new server may not have seen the client's end.
            await CloseAsync(messages, null).ConfigureAwait(false);
            return false;
        }

        if (input.Pings.TryRead(out var ping))
        {
            await AnswerAsync(messages, ping).ConfigureAwait(false);
        }

        retries.OnResumed();
        return await ShowAsync(messages, ResumeMessages.Resumed).ConfigureAwait(false);
    }

    /// <summary>Attaches another server, and answers the client's pings meanwhile, because there is no server to do so.</summary>
    private async Task<AttachResult?> AttachAndAnswerPingsAsync(PipeWriter messages)
    {
        using var attached = CancellationTokenSource.CreateLinkedTokenSource(stop);
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(stop, clientEnded);
        var answering = AnswerPingsAsync(messages, attached.Token);
        try
        {
            return await retries.AttachAsync(ends.Token).ConfigureAwait(false);
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
            // A server is attached, or the terminal has ended.
            return;
        }
    }

    private static async ValueTask AnswerAsync(PipeWriter messages, byte[] ping)
    {
        FrameHeader.Write(messages, FrameHeader.Pong, final: true, ping.Length, null);
        await messages.WriteAsync(ping).ConfigureAwait(false);
    }

    /// <summary>Sends the client a text. Returns false when the terminal has ended.</summary>
    private async Task<bool> ShowAsync(PipeWriter messages, byte[] text)
    {
        FrameHeader.Write(messages, FrameHeader.Binary, final: true, text.Length, null);
        var flushed = await messages.WriteAsync(text).ConfigureAwait(false);
        return !flushed.IsCompleted && !backend.IsStopped;
    }

    private async Task CloseAsync(PipeWriter messages, AttachResult? result)
    {
        var size = ResumeMessages.WriteClose(messages.GetSpan(CloseFrame.MaxSize), result, clientEnded.IsCancellationRequested);
        messages.Advance(size);
        await messages.FlushAsync(CancellationToken.None).ConfigureAwait(false);
    }
}
