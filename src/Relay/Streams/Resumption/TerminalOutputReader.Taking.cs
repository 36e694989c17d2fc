using System.Buffers;
using System.IO.Pipelines;
using Sockets;

namespace Relay.Streams.Resumption;

internal sealed partial class TerminalOutputReader
{
    // A piece of this size is worth a send of its own: bytes in several pieces would be copied into one.
    private const int LargePiece = 16 * 1024;

    private readonly TerminalOutputFrames _frames = new();

    // Bytes of whole frames at the source's start that were not advanced over yet, and up to where the source was seen behind them.
    private long _whole;
    private SequencePosition _seen;
    private Block? _part;
    private bool _isBroken;
    private bool _isPaused;

    // Whether the server was known to send nothing more before the last read began. If it was left later, more may have come since the read.
    private bool _isLast;

    private bool TakeRead(out ReadResult result)
    {
        ReadResult read;
        try
        {
            read = _read.GetResult();
        }
        catch (Exception error) when (!_isPaused && TransportFailure.Is(error))
        {
            Broke();
            result = default;
            return false;
        }

        return Take(read, out result);
    }

    /// <summary>Takes what the source has brought: true with something to hand out.</summary>
    private bool Take(in ReadResult read, out ReadResult result)
    {
        var buffer = read.Buffer;
        if (_isPaused)
        {
            return TakeMessages(read, out result);
        }

        var next = OutputStatus.Invalid;
        _seen = default;
        if (_whole == 0)
        {
            _whole = _frames.Take(buffer, out next);
        }

        if (_whole > 0)
        {
            // Where something else stands behind, it is to be read again at once.
            _seen = next == OutputStatus.More ? buffer.End : default;
            var run = _whole == buffer.Length ? buffer : buffer.Slice(0, _whole);
            result = Give(Gift.Frames, run.IsSingleSegment || run.First.Length < LargePiece ? run : run.Slice(0, run.First.Length));
            return true;
        }

        result = default;
        if (_frames.IsClosed)
        {
            _source.AdvanceTo(buffer.End);
            _isOver = read.IsCompleted || _isLast;
            return false;
        }

        switch (next)
        {
            case OutputStatus.Invalid:
                _source.AdvanceTo(buffer.Start);
                throw new IOException("The API server's bytes are no WebSocket frames.");
            case OutputStatus.Long:
                _part = BlockPool.RentLarge();
                var (taken, written) = _frames.Cut(buffer, _part.Free);
                _part.Fill(written);
                _source.AdvanceTo(buffer.GetPosition(taken));
                break;
            case OutputStatus.GoingAway:
                Pause(ReadOnlySequence<byte>.Empty, buffer.End);
                break;
            default:
                if (read.IsCompleted || _isLast)
                {
                    Pause(buffer, buffer.End);
                }
                else
                {
                    _source.AdvanceTo(buffer.Start, buffer.End);
                }

                break;
        }

        return false;
    }

    private void AdvanceFrames(long count, SequencePosition consumed)
    {
        _whole -= count;
        var seen = _whole == 0 && _seen.GetObject() is not null ? _seen : consumed;
        _seen = default;
        _source.AdvanceTo(consumed, seen);
    }

    private void AdvancePart(int count)
    {
        _part!.Start += count;
        if (_part.Length == 0)
        {
            DropPart();
        }
    }

    private void DropPart()
    {
        if (_part is { } part)
        {
            _part = null;
            BlockPool.Return(part);
        }
    }

    // What was left of the server's bytes is read so, also of a connection that is broken, and without waiting.
    private void WakeLast()
    {
        _isLast = !_isPaused && (_isBroken || _present.IsLeft);
        if (_isLast)
        {
            _source.CancelPendingRead();
        }
    }

    /// <summary>The server's connection is broken: what it had sent is read once more, if its reader still has it.</summary>
    private void Broke()
    {
        if (_isBroken)
        {
            Pause(ReadOnlySequence<byte>.Empty, null);
            return;
        }

        _isBroken = true;
    }

    /// <summary>The server is lost, in the middle of a frame perhaps. The terminal goes on without one, unless it is over.</summary>
    private void Pause(in ReadOnlySequence<byte> tail, SequencePosition? end)
    {
        if (_frames.IsClosed || _present.IsStopped)
        {
            _isOver = true;
            Advance(end);
            return;
        }

        var messages = TerminalOutage.CreateMessages();
        _frames.EndServer(tail, messages.Writer);
        Advance(end);
        Switch(messages.Reader, isPaused: true);
        _outage.Begin(messages.Writer);
    }

    private bool TakeMessages(in ReadResult read, out ReadResult result)
    {
        if (!read.Buffer.IsEmpty)
        {
            result = Give(Gift.Messages, read.Buffer);
            return true;
        }

        result = default;
        _source.AdvanceTo(read.Buffer.End);
        if (read.IsCompleted)
        {
            _isOver = !_outage.IsResumed;
            if (!_isOver)
            {
                _source.Complete();
                Switch(_present.Input, isPaused: false);
            }
        }

        return false;
    }

    private void Advance(SequencePosition? end)
    {
        if (end is { } all)
        {
            _source.AdvanceTo(all);
        }
    }

    // Who cancels a read must find the source that is read, or be found by its mark.
    private void Switch(PipeReader source, bool isPaused)
    {
        lock (_gate)
        {
            (_source, _isPaused, _isBroken) = (source, isPaused, false);
        }
    }
}
