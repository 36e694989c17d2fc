using System.IO.Pipelines;
using System.Threading.Channels;

namespace Relay.Streams.Resumption;

/// <summary>The client's side of a terminal that outlives API servers: carries its input to the server there is.</summary>
/// <param name="client">The client's frames.</param>
/// <param name="server">The first API server.</param>
/// <param name="leaves">Called when the client closes, or ends its bytes.</param>
internal sealed class TerminalInputLoop(PipeReader client, StreamTransport server, Action leaves)
{
    private readonly TerminalInputFrames _frames = new();
    private readonly Channel<byte[]> _pings = Channel.CreateBounded<byte[]>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest });
    private readonly Lock _gate = new();
    private TaskCompletionSource? _given;
    private StreamTransport? _gift;
    private bool _isOver;
    private volatile bool _isStopped;

    /// <summary>The last ping that came while there was no server to answer it.</summary>
    public ChannelReader<byte[]> Pings => _pings.Reader;

    /// <summary>Runs to the end of the client's bytes. Never throws for what transports do.</summary>
    public async Task RunAsync()
    {
        // Not on the thread of the constructor's caller.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        try
        {
            await CarryAsync(server).ConfigureAwait(false);
        }
        finally
        {
            leaves();
            lock (_gate)
            {
                _isOver = true;
                _given?.TrySetResult();
            }

            await client.CompleteAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Gives it another server, or none. When this returns, the loop has left the one before.</summary>
    public Task GiveAsync(StreamTransport? next)
    {
        Task given;
        lock (_gate)
        {
            if (_isOver)
            {
                return Task.CompletedTask;
            }

            _gift = next;
            _given = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            given = _given.Task;
            WakeElsewhere();
        }

        return given;
    }

    /// <summary>Ends the loop; the server has been aborted.</summary>
    public void Stop()
    {
        lock (_gate)
        {
            _isStopped = true;
            if (!_isOver)
            {
                WakeElsewhere();
            }
        }
    }

    private async Task CarryAsync(StreamTransport? target)
    {
        var hasLeft = false;
        while (true)
        {
            var result = await client.ReadAsync().ConfigureAwait(false);
            if (_isStopped)
            {
                return;
            }

            if (TakeGift(ref target) && target is not null)
            {
                _frames.BeginServer(target.Output);
            }

            var buffer = result.Buffer;
            var isRight = _frames.Take(ref buffer, target?.Output);
            client.AdvanceTo(buffer.Start, buffer.End);
            if (_frames.TakePing() is { } ping)
            {
                _pings.Writer.TryWrite(ping);
            }

            var isOver = result.IsCompleted || !isRight;
            if (!hasLeft && (isOver || _frames.CloseSeen))
            {
                hasLeft = true;
                leaves();
            }

            try
            {
                if (target is not null && (await target.Output.FlushAsync().ConfigureAwait(false)).IsCompleted)
                {
                    target = null;
                }

                if (target is not null && isOver)
                {
                    await target.CompleteOutputAsync().ConfigureAwait(false);
                }
            }
            catch (Exception error) when (TransportFailure.Is(error))
            {
                // The server's output tells of it too, and what follows is decided there.
                target = null;
            }

            if (isOver)
            {
                return;
            }
        }
    }

    // A read goes on on the thread that ends it, and this one may hold locks.
    private void WakeElsewhere() => ThreadPool.UnsafeQueueUserWorkItem(static client => client.CancelPendingRead(), client, preferLocal: false);

    private bool TakeGift(ref StreamTransport? target)
    {
        lock (_gate)
        {
            if (_given is null)
            {
                return false;
            }

            target = _gift;
            _given.TrySetResult();
            (_given, _gift) = (null, null);
            return true;
        }
    }
}
