using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Sockets;

namespace Relay.Streams.Resumption;

/// <summary>
/// The client's bytes on their way to the API server there is: what is written is followed where it lies and goes on from there, in the
/// same call. While there is no server it is followed and dropped.
/// </summary>
/// <remarks>
/// That a server does not take any more is no end for who writes: the loss shows in what the server sends, and what follows is decided
/// there. The lock is held while bytes go on, so that who changes the server knows that nobody writes to it; a flush that waits leaves a
/// mark instead. Tokens are not supported: the relay has none.
/// </remarks>
/// <param name="server">The first API server.</param>
/// <param name="leaves">Cancelled when the client closes, or ends its bytes.</param>
internal sealed partial class TerminalInputWriter(StreamTransport server, CancellationTokenSource leaves) : PipeWriter
{
    private readonly TerminalInputFrames _frames = new();
    private readonly Channel<byte[]> _pings = Channel.CreateBounded<byte[]>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest });
    private readonly Lock _gate = new();
    private readonly RepeatedWait<FlushResult> _wait = new();
    private ConfiguredValueTaskAwaitable<FlushResult>.ConfiguredValueTaskAwaiter _flush;
    private Action? _flushed;
    private StreamTransport? _server = server;
    private TaskCompletionSource? _left;
    private Block? _room;
    private byte[]? _cut;
    private int _cutLength;
    private bool _isBusy;
    private bool _hasLeft;
    private volatile bool _isOver;

    /// <summary>The last ping that came while there was no server to answer it.</summary>
    public ChannelReader<byte[]> Pings => _pings.Reader;

    /// <summary>Whether nothing more goes to any server.</summary>
    public bool IsOver => _isOver;

    /// <inheritdoc/>
    public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
    {
        Refuse(cancellationToken);
        lock (_gate)
        {
            return Send(source[Follow(source.Span)]);
        }
    }

    /// <inheritdoc/>
    public override Memory<byte> GetMemory(int sizeHint = 0) => Room(sizeHint).Bytes;

    /// <inheritdoc/>
    public override Span<byte> GetSpan(int sizeHint = 0) => Room(sizeHint).Bytes;

    /// <inheritdoc/>
    public override void Advance(int bytes)
    {
        var written = _room is null ? [] : _room.Bytes.AsSpan(0, bytes);
        lock (_gate)
        {
            var run = Follow(written);
            _server?.Output.Write(written[run]);
        }
    }

    /// <inheritdoc/>
    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        Refuse(cancellationToken);
        LetGoOfRoom();
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
        LetGoOfRoom();
        Stop();
    }

    /// <summary>What is written from now on goes nowhere, and who writes is told so.</summary>
    public void Stop() => _isOver = true;

    private static void Refuse(CancellationToken cancellationToken)
    {
        if (cancellationToken.CanBeCanceled)
        {
            throw new NotSupportedException("Only the terminal's end, or the server's, cancels its flushes.");
        }
    }

    private Block Room(int sizeHint)
    {
        if (_room is null || _room.Bytes.Length < sizeHint)
        {
            LetGoOfRoom();
            _room = BlockPool.Rent(Math.Max(sizeHint, BlockPool.Large));
        }

        return _room;
    }

    private void LetGoOfRoom()
    {
        if (_room is { } room)
        {
            _room = null;
            BlockPool.Return(room);
        }
    }

    /// <summary>Under the lock: sends what goes on as it is, behind what was written to the server already.</summary>
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
                _flush.UnsafeOnCompleted(_flushed ??= Flushed);
                return _wait.Task;
            }

            Note(_flush.GetResult());
        }
        catch (Exception error) when (TransportFailure.Is(error))
        {
            _server = null;
        }

        return new ValueTask<FlushResult>(new FlushResult(isCanceled: false, _isOver));
    }

    private void Flushed()
    {
        Exception? fault = null;
        TaskCompletionSource? left;
        lock (_gate)
        {
            try
            {
                Note(_flush.GetResult());
            }
            catch (Exception error)
            {
                // A fault goes up once the rest is freed; what a transport throws is the end of the server.
                _server = null;
                fault = TransportFailure.Is(error) ? null : error;
            }

            left = Free();
        }

        left?.TrySetResult();
        if (fault is null)
        {
            _wait.SetResult(new FlushResult(isCanceled: false, _isOver));
        }
        else
        {
            _wait.SetException(fault);
        }
    }

    // A server that takes no more, or whose flush was cancelled since it was left, gets no more.
    private void Note(FlushResult flush)
    {
        if (flush.IsCompleted || flush.IsCanceled)
        {
            _server = null;
        }
    }

    private TaskCompletionSource? Free()
    {
        var left = _left;
        (_isBusy, _left) = (false, null);
        return left;
    }
}
