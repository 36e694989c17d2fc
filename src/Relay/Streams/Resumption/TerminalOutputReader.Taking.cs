using System.Buffers;
using System.IO.Pipelines;
using Sockets;

namespace Relay.Streams.Resumption;

internal sealed partial class TerminalOutputReader
{
    // A segment of this size is worth a send of its own. Smaller segments are copied into one.
    private const int LargeSegment = 16 * 1024;

    private readonly TerminalOutputFrames _frames = new();

    // Bytes of whole frames at the source's start that the relay has not consumed yet, and the examined position after them.
    private long _whole;
    private SequencePosition _examined;
    private Block? _part;
    private bool _isBroken;
    private bool _isPaused;

    // Whether the server was broken or abandoned before the last read began. If it was abandoned later, more may have arrived since the
    // read.
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
            OnBroken();
            result = default;
            return false;
        }

        return Take(read, out result);
    }

    /// <summary>Handles a read of the source. Returns true with bytes for the relay.</summary>
    private bool Take(in ReadResult read, out ReadResult result)
    {
        var buffer = read.Buffer;
        if (_isPaused)
        {
            return TakeMessages(read, out result);
        }

        var next = OutputStatus.Invalid;
        _examined = default;
        if (_whole == 0)
        {
            _whole = _frames.Take(buffer, out next);
        }

        if (_whole > 0)
        {
            // Other bytes after the whole frames stay unexamined, so that the next read returns them at once.
            _examined = next == OutputStatus.More ? buffer.End : default;
            var run = _whole == buffer.Length ? buffer : buffer.Slice(0, _whole);
            var isWhole = run.IsSingleSegment || run.First.Length < LargeSegment;
            result = MakeResult(ResultKind.Frames, isWhole ? run : run.Slice(0, run.First.Length));
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
                var (consumed, written) = _frames.Cut(buffer, _part.Free);
                _part.Fill(written);
                _source.AdvanceTo(buffer.GetPosition(consumed));
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
        var examined = _whole == 0 && _examined.GetObject() is not null ? _examined : consumed;
        _examined = default;
        _source.AdvanceTo(consumed, examined);
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

    // The remaining bytes of a broken or abandoned server are read without waiting: the next read of the source returns at once.
    private void MarkLastRead()
    {
        _isLast = !_isPaused && (_isBroken || _backend.IsAbandoned);
        if (_isLast)
        {
            _source.CancelPendingRead();
        }
    }

    /// <summary>Handles a broken connection. One more read takes the bytes that the server's reader may still have.</summary>
    private void OnBroken()
    {
        if (_isBroken)
        {
            Pause(ReadOnlySequence<byte>.Empty, null);
            return;
        }

        _isBroken = true;
    }

    /// <summary>Handles the loss of the server, perhaps within a frame. An outage begins, unless the terminal is over.</summary>
    private void Pause(in ReadOnlySequence<byte> tail, SequencePosition? end)
    {
        if (_frames.IsClosed || _backend.IsStopped)
        {
            _isOver = true;
            Advance(end);
            return;
        }

        var messages = TerminalOutage.CreateMessages();
        _frames.EndServer(tail, messages.Writer);
        Advance(end);
        SwitchSource(messages.Reader, isPaused: true);
        _outage.Begin(messages.Writer);
    }

    private bool TakeMessages(in ReadResult read, out ReadResult result)
    {
        if (!read.Buffer.IsEmpty)
        {
            result = MakeResult(ResultKind.Messages, read.Buffer);
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
                SwitchSource(_backend.Input, isPaused: false);
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

    // The lock makes CancelPendingRead cancel the source that is read, or set its flag before the next read looks at it.
    private void SwitchSource(PipeReader source, bool isPaused)
    {
        lock (_gate)
        {
            (_source, _isPaused, _isBroken) = (source, isPaused, false);
        }
    }
}
