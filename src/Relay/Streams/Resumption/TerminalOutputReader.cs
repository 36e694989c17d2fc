using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace Relay.Streams.Resumption;

/// <summary>
/// Reads the bytes for a terminal's client: those of the current API server, without a copy and up to the end of the last whole frame, and
/// during an outage the outage's messages.
/// </summary>
/// <remarks>
/// 1. A read waits for the source (the server's reader or the outage's pipe), and completes on the thread that received the bytes. 2. The
/// result is a part of the source's own buffer, and the source is advanced with it. Only a part of a long frame is copied, behind a header
/// of its own. 3. Other bytes stay in the source, marked as examined, until more arrive. 4. Once the server is lost, the bytes that it
/// had sent are returned, and the outage begins. A cancelled read of the source only wakes this reader; flags say why. Cancellation tokens
/// are not supported, because the relay passes none.
/// </remarks>
internal sealed partial class TerminalOutputReader : PipeReader
{
    private readonly CurrentBackend _backend;
    private readonly TerminalOutage _outage;
    private readonly Lock _gate = new();
    private readonly Action _onRead;
    private readonly RepeatedWait<ReadResult> _wait = new();
    private ConfiguredValueTaskAwaitable<ReadResult>.ConfiguredValueTaskAwaiter _read;
    private PipeReader _source;
    private ReadOnlySequence<byte> _resultBytes;
    private ResultKind _resultKind;
    private volatile bool _isReadCancelled;
    private volatile bool _isOver;

    /// <summary>Reads from the first server.</summary>
    /// <param name="backend">The current server.</param>
    /// <param name="outage">Runs when the server is lost.</param>
    public TerminalOutputReader(CurrentBackend backend, TerminalOutage outage)
    {
        (_backend, _outage, _source) = (backend, outage, backend.Input);
        _onRead = OnRead;
    }

    /// <summary>The origin of the last result's bytes, which the next call of <see cref="AdvanceTo(SequencePosition)"/> consumes.</summary>
    private enum ResultKind
    {
        None = 0,

        // Whole frames of the server, messages of the outage, and a part of a long frame.
        Frames,
        Messages,
        Part,
    }

    /// <summary>Whether a server has ended the terminal, or no other server was found: there are no more bytes.</summary>
    public bool IsOver => _isOver;

    /// <inheritdoc/>
    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        if (cancellationToken.CanBeCanceled)
        {
            throw new NotSupportedException("Cancellation tokens are not supported: only CancelPendingRead cancels a read.");
        }

        return Fetch(out var result) ? new ValueTask<ReadResult>(result) : _wait.Task;
    }

    /// <inheritdoc/>
    public override bool TryRead(out ReadResult result)
    {
        while (!TryGetReady(out result))
        {
            ReadResult read;
            try
            {
                MarkLastRead();
                if (!_source.TryRead(out read))
                {
                    return false;
                }
            }
            catch (Exception error) when (!_isPaused && TransportFailure.Is(error))
            {
                OnBroken();
                continue;
            }

            if (Take(read, out result))
            {
                return true;
            }
        }

        return true;
    }

    /// <inheritdoc/>
    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    /// <inheritdoc/>
    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        var (kind, bytes) = (_resultKind, _resultBytes);

        // Cleared, so that the buffers are not kept alive.
        (_resultKind, _resultBytes) = (ResultKind.None, default);
        switch (kind)
        {
            case ResultKind.Frames:
                AdvanceFrames(consumed.Equals(bytes.End) ? bytes.Length : bytes.Slice(0, consumed).Length, consumed);
                break;
            case ResultKind.Messages:
                _source.AdvanceTo(consumed, examined);
                break;
            case ResultKind.Part:
                AdvancePart((int)bytes.Slice(0, consumed).Length);
                break;
        }
    }

    /// <inheritdoc/>
    public override void CancelPendingRead()
    {
        lock (_gate)
        {
            _isReadCancelled = true;
            _source.CancelPendingRead();
        }
    }

    /// <inheritdoc/>
    public override void Complete(Exception? exception = null)
    {
        DropPart();
        if (_isPaused)
        {
            // The outage may wait for space in its pipe.
            _source.Complete(exception);
        }
    }

    /// <summary>Reads until there is a result. Returns false if a read is pending; <see cref="OnRead"/> then completes the wait.</summary>
    private bool Fetch(out ReadResult result)
    {
        while (!TryGetReady(out result))
        {
            MarkLastRead();
            var read = _source.ReadAsync(CancellationToken.None);
            _read = read.ConfigureAwait(false).GetAwaiter();
            if (!_read.IsCompleted)
            {
                _read.UnsafeOnCompleted(_onRead);
                return false;
            }

            if (TakeRead(out result))
            {
                return true;
            }
        }

        return true;
    }

    private void OnRead()
    {
        ReadResult result;
        try
        {
            if (!TakeRead(out result) && !Fetch(out result))
            {
                return;
            }
        }
        catch (Exception error)
        {
            // Every exception goes to the reader: on this thread, a socket thread, nobody would handle it.
            _wait.SetException(error);
            return;
        }

        _wait.SetResult(result);
    }

    /// <summary>Returns a result that needs no read: a part of a long frame, a cancellation or the end.</summary>
    private bool TryGetReady(out ReadResult result)
    {
        if (_part is not null)
        {
            result = MakeResult(ResultKind.Part, new ReadOnlySequence<byte>(_part.Bytes, _part.Start, _part.Length));
            return true;
        }

        if (_isReadCancelled || _isOver)
        {
            result = new ReadResult(ReadOnlySequence<byte>.Empty, TakeCancellation(), _isOver);
            return true;
        }

        result = default;
        return false;
    }

    private ReadResult MakeResult(ResultKind kind, in ReadOnlySequence<byte> bytes)
    {
        (_resultKind, _resultBytes) = (kind, bytes);
        return new ReadResult(bytes, TakeCancellation(), isCompleted: false);
    }

    private bool TakeCancellation()
    {
        if (!_isReadCancelled)
        {
            return false;
        }

        _isReadCancelled = false;
        return true;
    }
}
