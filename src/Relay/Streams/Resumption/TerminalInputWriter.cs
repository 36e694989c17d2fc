using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Sockets;

namespace Relay.Streams.Resumption;

/// <summary>
/// Forwards the client's bytes to the current API server: each write follows the frames and forwards the bytes in the same call, without a
/// copy. Without a server the bytes are followed and dropped.
/// </summary>
/// <remarks>
/// A server that accepts no more bytes does not end this writer: the reader of the server's output notices the loss and handles it. Writes
/// hold the lock, so that a change of the server happens only between writes; a pending flush sets a flag instead. Cancellation tokens are
/// not supported, because the relay passes none.
/// </remarks>
/// <param name="server">The first API server.</param>
/// <param name="clientEnded">Cancelled when the client closes or ends its bytes.</param>
internal sealed partial class TerminalInputWriter(StreamTransport server, CancellationTokenSource clientEnded) : PipeWriter
{
    private readonly TerminalInputFrames _frames = new();
    private readonly Channel<byte[]> _pings =
        Channel.CreateBounded<byte[]>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest });
    private readonly Lock _gate = new();
    private readonly RepeatedWait<FlushResult> _wait = new();
    private ConfiguredValueTaskAwaitable<FlushResult>.ConfiguredValueTaskAwaiter _flush;
    private Action? _onFlushed;
    private StreamTransport? _server = server;
    private TaskCompletionSource? _detached;
    private Block? _block;
    private byte[]? _cut;
    private int _cutLength;
    private bool _isBusy;
    private bool _isClientEnded;
    private volatile bool _isOver;

    /// <summary>The last ping of the client during an outage.</summary>
    public ChannelReader<byte[]> Pings => _pings.Reader;

    /// <summary>Whether no more bytes go to any server.</summary>
    public bool IsOver => _isOver;

    /// <inheritdoc/>
    public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
    {
        RefuseToken(cancellationToken);
        lock (_gate)
        {
            return Send(source[Follow(source.Span)]);
        }
    }

    /// <inheritdoc/>
    public override Memory<byte> GetMemory(int sizeHint = 0) => Reserve(sizeHint).Bytes;

    /// <inheritdoc/>
    public override Span<byte> GetSpan(int sizeHint = 0) => Reserve(sizeHint).Bytes;

    /// <inheritdoc/>
    public override void Advance(int bytes)
    {
        var written = _block is null ? [] : _block.Bytes.AsSpan(0, bytes);
        lock (_gate)
        {
            var run = Follow(written);
            _server?.Output.Write(written[run]);
        }
    }

    /// <inheritdoc/>
    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        RefuseToken(cancellationToken);
        ReturnBlock();
        lock (_gate)
        {
            return Send(default);
        }
    }

    /// <inheritdoc/>
    public override void CancelPendingFlush()
    {
        lock (_gate)
        {
            _server?.Output.CancelPendingFlush();
        }
    }

    /// <inheritdoc/>
    public override void Complete(Exception? exception = null)
    {
        ReturnBlock();
        Stop();
    }

    /// <summary>Drops all later writes; their flush results report completion.</summary>
    public void Stop() => _isOver = true;

    private static void RefuseToken(CancellationToken cancellationToken)
    {
        if (cancellationToken.CanBeCanceled)
        {
            throw new NotSupportedException("Cancellation tokens are not supported: only CancelPendingFlush cancels a flush.");
        }
    }

    private Block Reserve(int sizeHint)
    {
        if (_block is null || _block.Bytes.Length < sizeHint)
        {
            ReturnBlock();
            _block = BlockPool.Rent(Math.Max(sizeHint, BlockPool.Large));
        }

        return _block;
    }

    private void ReturnBlock()
    {
        if (_block is { } block)
        {
            _block = null;
            BlockPool.Return(block);
        }
    }

    /// <summary>Sends bytes unchanged, after those that were written to the server before. Called under the lock.</summary>
    private ValueTask<FlushResult> Send(ReadOnlyMemory<byte> run)
    {
        if (_server is not { Output: var output })
        {
            return new ValueTask<FlushResult>(new FlushResult(isCanceled: false, _isOver));
        }

        try
        {
            var flush = run.IsEmpty ? output.FlushAsync(CancellationToken.None) : output.WriteAsync(run, CancellationToken.None);
            _flush = flush.ConfigureAwait(false).GetAwaiter();
            if (!_flush.IsCompleted)
            {
                _isBusy = true;
                _flush.UnsafeOnCompleted(_onFlushed ??= OnFlushed);
                return _wait.Task;
            }

            CheckFlush(_flush.GetResult());
        }
        catch (Exception error) when (TransportFailure.Is(error))
        {
            _server = null;
        }

        return new ValueTask<FlushResult>(new FlushResult(isCanceled: false, _isOver));
    }

    private void OnFlushed()
    {
        Exception? fault = null;
        TaskCompletionSource? detached;
        lock (_gate)
        {
            try
            {
                CheckFlush(_flush.GetResult());
            }
            catch (Exception error)
            {
                // An exception of the transport means that the server is lost. Any other exception goes to the writer, after the cleanup.
                _server = null;
                fault = TransportFailure.Is(error) ? null : error;
            }

            detached = EndFlush();
        }

        detached?.TrySetResult();
        if (fault is null)
        {
            _wait.SetResult(new FlushResult(isCanceled: false, _isOver));
        }
        else
        {
            _wait.SetException(fault);
        }
    }

    // A server that accepts no more, or whose flush was cancelled because it was abandoned, gets no more bytes.
    private void CheckFlush(FlushResult flush)
    {
        if (flush.IsCompleted || flush.IsCanceled)
        {
            _server = null;
        }
    }

    private TaskCompletionSource? EndFlush()
    {
        var detached = _detached;
        (_isBusy, _detached) = (false, null);
        return detached;
    }
}
