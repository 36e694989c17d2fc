using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace Relay.Streams.Resumption;

/// <summary>
/// The bytes for a terminal's client: those of the API server there is, where they lie, up to the end of the last whole frame; and while
/// there is none, those of the outage.
/// </summary>
/// <remarks>
/// 1. A read waits for the source, which is the server's reader or the outage's pipe, and goes on on the thread that brings bytes. 2. What may
/// go on is handed out, and advanced over, in the source itself; only a part of a long frame is copied, behind a header of its own. 3. What
/// else is there stays in the source, seen, until more comes. 4. Once the server is lost, what it had sent is handed out, and the outage
/// begins. A cancelled read of the source is only a wake-up: marks tell what for. Tokens are not supported: the relay has none.
/// </remarks>
internal sealed partial class TerminalOutputReader : PipeReader
{
    private readonly CurrentBackend _present;
    private readonly TerminalOutage _outage;
    private readonly Lock _gate = new();
    private readonly Action _arrived;
    private readonly RepeatedWait<ReadResult> _wait = new();
    private ConfiguredValueTaskAwaitable<ReadResult>.ConfiguredValueTaskAwaiter _read;
    private PipeReader _source;
    private ReadOnlySequence<byte> _given;
    private Gift _gift;
    private volatile bool _isHinted;
    private volatile bool _isOver;

    /// <summary>Reads from the first server.</summary>
    /// <param name="present">The server there is.</param>
    /// <param name="outage">What happens between two servers.</param>
    public TerminalOutputReader(CurrentBackend present, TerminalOutage outage)
    {
        (_present, _outage, _source) = (present, outage, present.Input);
        _arrived = Arrived;
    }

    /// <summary>What was handed out last, and is to be advanced over.</summary>
    private enum Gift
    {
        None = 0,

        // The server's own bytes, the outage's, and a part of a long frame.
        Frames,
        Messages,
        Part,
    }

    /// <summary>Whether the last server has ended the terminal, or no other one was found: nothing more comes.</summary>
    public bool IsOver => _isOver;

    /// <inheritdoc/>
    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        if (cancellationToken.CanBeCanceled)
        {
            throw new NotSupportedException("Reads are cancelled by CancelPendingRead.");
        }

        return Fetch(out var result) ? new ValueTask<ReadResult>(result) : _wait.Task;
    }

    /// <inheritdoc/>
    public override bool TryRead(out ReadResult result)
    {
        while (!Known(out result))
        {
            ReadResult read;
            try
            {
                WakeLast();
                if (!_source.TryRead(out read))
                {
                    return false;
                }
            }
            catch (Exception error) when (!_isPaused && TransportFailure.Is(error))
            {
                Broke();
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
        var (gift, given) = (_gift, _given);

        // Not kept: it would keep the buffers.
        (_gift, _given) = (Gift.None, default);
        switch (gift)
        {
            case Gift.Frames:
                AdvanceFrames(consumed.Equals(given.End) ? given.Length : given.Slice(0, consumed).Length, consumed);
                break;
            case Gift.Messages:
                _source.AdvanceTo(consumed, examined);
                break;
            case Gift.Part:
                AdvancePart((int)given.Slice(0, consumed).Length);
                break;
        }
    }

    /// <inheritdoc/>
    public override void CancelPendingRead()
    {
        lock (_gate)
        {
            _isHinted = true;
            _source.CancelPendingRead();
        }
    }

    /// <inheritdoc/>
    public override void Complete(Exception? exception = null)
    {
        DropPart();
        if (_isPaused)
        {
            // The outage may wait for room in its pipe.
            _source.Complete(exception);
        }
    }

    /// <summary>Reads until there is something to hand out; or false, and <see cref="Arrived"/> goes on.</summary>
    private bool Fetch(out ReadResult result)
    {
        while (!Known(out result))
        {
            WakeLast();
            var read = _source.ReadAsync(CancellationToken.None);
            _read = read.ConfigureAwait(false).GetAwaiter();
            if (!_read.IsCompleted)
            {
                _read.UnsafeOnCompleted(_arrived);
                return false;
            }

            if (TakeRead(out result))
            {
                return true;
            }
        }

        return true;
    }

    private void Arrived()
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
            // Who reads is to hear of it, whatever it is: here is only the socket's thread.
            _wait.SetException(error);
            return;
        }

        _wait.SetResult(result);
    }

    /// <summary>What can be told without reading.</summary>
    private bool Known(out ReadResult result)
    {
        if (_part is not null)
        {
            result = Give(Gift.Part, new ReadOnlySequence<byte>(_part.Bytes, _part.Start, _part.Length));
            return true;
        }

        if (_isHinted || _isOver)
        {
            result = new ReadResult(ReadOnlySequence<byte>.Empty, TakeHint(), _isOver);
            return true;
        }

        result = default;
        return false;
    }

    private ReadResult Give(Gift gift, in ReadOnlySequence<byte> bytes)
    {
        (_gift, _given) = (gift, bytes);
        return new ReadResult(bytes, TakeHint(), isCompleted: false);
    }

    private bool TakeHint()
    {
        if (!_isHinted)
        {
            return false;
        }

        _isHinted = false;
        return true;
    }
}
