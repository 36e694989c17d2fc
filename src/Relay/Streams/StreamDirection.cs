using System.Buffers;
using System.IO.Pipelines;
using System.Security.Cryptography;
using Relay.Streams.Wire;

namespace Relay.Streams;

/// <summary>An end of a stream.</summary>
internal enum StreamSide
{
    Client = 0,
    Backend = 1,
}

/// <summary>
/// One direction of a stream: reads from one end, follows frames, writes to the other. Only its own loop writes to that output, also the
/// close frame of a drain; other threads set the stream's phase and cancel the pending read, which wakes the loop.
/// </summary>
/// <remarks>
/// 1. Wait for bytes: with no buffer held, as far as the transport can. 2. Follow the frames in what came. 3. Hand it on, and wait for the
/// flush before reading on, so that a slow reader slows its sender. 4. While the stream is closing: stop at the first boundary that comes,
/// write a close frame there, and from then on only look for the peer's own close.
/// </remarks>
internal sealed class StreamDirection
{
    private readonly RunningStream _stream;
    private readonly StreamSide _from;
    private readonly StreamTransport _source;
    private readonly StreamTransport _target;
    private readonly PipeReader _input;
    private readonly PipeWriter _output;
    private readonly bool _framed;
    private WebSocketFrameFollower _follower;
    private bool _closeNoted;
    private volatile bool _delivered;
    private volatile bool _flushing;
    private volatile bool _over;
    private volatile StreamPhase _waitsIn;
    private volatile bool _completing;
    private volatile bool _completed;
    private bool _wasFlushing;
    private TimeSpan? _stalledSince;
    private long _stalledAt;
    private StreamSide _atFault;
    private long _bytes;

    public StreamDirection(RunningStream stream, StreamSide from, StreamTransport source, StreamTransport target)
    {
        _stream = stream;
        _from = from;
        _source = source;
        _target = target;
        _input = source.Input;
        _output = target.Output;
        _framed = stream.Info.Framing == StreamFraming.WebSocket;
    }

    /// <summary>Bytes handed on so far.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Whether the target has got all that it will get: a close frame, or the end of the source's bytes.</summary>
    public bool Delivered => _delivered;

    /// <summary>Whether the loop waits for the target to read.</summary>
    public bool Flushing => _flushing;

    /// <summary>
    /// Whether the loop has not yet acted on the stream's phase although it waits for no peer: then this process is late, and the time
    /// that was set for the peers has not begun.
    /// </summary>
    public bool IsBehind => !_over && !_flushing && _waitsIn < _stream.Phase;

    /// <summary>The source's close code, once its close frame has come.</summary>
    public int? CloseCode => _follower.CloseCode;

    private StreamSide To => _from == StreamSide.Client ? StreamSide.Backend : StreamSide.Client;

    /// <summary>Runs the direction to its end. What transports throw ends the stream, not this method's caller.</summary>
    public async Task RunAsync()
    {
        try
        {
            var isWhole = await PumpAsync().ConfigureAwait(false);
            _over = true;
            if (isWhole)
            {
                _delivered = true;
                _atFault = To;
                _completing = true;
                await _target.CompleteOutputAsync().ConfigureAwait(false);
                _completed = true;
            }
        }
        catch (Exception error) when (TransportFailure.Is(error))
        {
            _stream.Broke(_atFault);
        }
        catch
        {
            // A fault of the program: the peers must not be left hanging while it travels up.
            _stream.Broke(_atFault);
            throw;
        }
    }

    /// <summary>Wakes the loop, so that it sees the stream's phase. The mark stays if the loop is not reading just now.</summary>
    public void Wake() => _input.CancelPendingRead();

    /// <summary>Ends a pending read and a pending flush, after both transports were aborted.</summary>
    public void Unblock()
    {
        _input.CancelPendingRead();
        _output.CancelPendingFlush();
    }

    /// <summary>Whether the source was reset behind a flush that has been pending since the heartbeat before: nobody reads it then.</summary>
    public bool SourceBrokeUnseen()
    {
        var pending = _flushing;
        var both = pending && _wasFlushing;
        _wasFlushing = pending;
        return both && _source.IsBroken;
    }

    /// <summary>
    /// Whether the target has taken nothing for so long, although there is something for it, and the source has ended: then nobody waits
    /// for the target any more. The end may lie behind bytes that are not read while a flush is pending, or have been handed on, to a kernel that
    /// keeps it for a target that does not read. Called by the heartbeat, every few seconds.
    /// </summary>
    public bool IsStalledBehindTheEnd(TimeSpan now, TimeSpan limit)
    {
        if (!_flushing && !_completing)
        {
            _stalledSince = null;
            return false;
        }

        // Both only grow.
        var taken = Bytes + _target.Taken;
        if (_stalledSince is not { } since || taken != _stalledAt || (_completed && !_target.HasUntaken))
        {
            (_stalledSince, _stalledAt) = (now, taken);
            return false;
        }

        return now - since >= limit && (_completing || _source.HasEnded);
    }

    /// <summary>True when the target's output is to be completed; false when the stream was ended otherwise.</summary>
    private async Task<bool> PumpAsync()
    {
        while (true)
        {
            var phase = _stream.Phase;
            var closing = phase != StreamPhase.Running;
            if (closing && !_delivered)
            {
                if (!_framed)
                {
                    return true;
                }

                if (_follower.AtBoundary && !await DeliverCloseAsync().ConfigureAwait(false))
                {
                    return false;
                }
            }

            if (_delivered && (_follower.CloseSeen || phase == StreamPhase.Finishing))
            {
                return true;
            }

            _atFault = _from;
            _waitsIn = phase;
            var result = await _input.ReadAsync().ConfigureAwait(false);
            if (_stream.Failed)
            {
                return false;
            }

            // A cancelled read is a hint: of ours, or of a host that shuts down. The phase tells, at the top of the loop.
            var buffer = result.Buffer.Length > _stream.MaxBatch ? result.Buffer.Slice(0, _stream.MaxBatch) : result.Buffer;
            var cut = -1L;
            if (_framed && !Follow(buffer, out cut) && !_delivered)
            {
                _stream.Fail(_from == StreamSide.Client ? StreamCloseReason.ClientProtocolError : StreamCloseReason.BackendProtocolError);
                return false;
            }

            if (!_delivered && !buffer.IsEmpty)
            {
                var stopHere = closing && cut >= 0;
                var forward = stopHere ? buffer.Slice(0, cut) : buffer;
                _atFault = To;
                var sending = Send(forward);
                _flushing = !sending.IsCompleted;
                var sent = await sending.ConfigureAwait(false);
                _flushing = false;
                if (_stream.Failed || sent.IsCompleted)
                {
                    _stream.Broke(To);
                    return false;
                }

                Volatile.Write(ref _bytes, _bytes + forward.Length);
                if (stopHere && !await DeliverCloseAsync().ConfigureAwait(false))
                {
                    return false;
                }
            }

            NoteClose();
            var end = result.IsCompleted && buffer.Length == result.Buffer.Length;
            _input.AdvanceTo(buffer.End);
            if (end)
            {
                return Ended();
            }
        }
    }

    /// <summary>The source's bytes are at their end: true when that is between frames, or does not matter any more.</summary>
    private bool Ended()
    {
        if (_framed && !_delivered && !_follower.AtBoundary)
        {
            _stream.Fail(_from == StreamSide.Client ? StreamCloseReason.ClientCutMidFrame : StreamCloseReason.BackendCutMidFrame);
            return false;
        }

        _stream.NoteEnd(_from);
        return true;
    }

    private void NoteClose()
    {
        if (_framed && !_closeNoted && _follower.CloseSeen)
        {
            _closeNoted = true;
            _stream.NoteCloseFrame(_from);
        }
    }

    /// <summary>Writes the drain's close frame, unless the source's own has passed. False when the target is gone.</summary>
    private async ValueTask<bool> DeliverCloseAsync()
    {
        if (!_follower.CloseSeen)
        {
            _atFault = To;
            var size = WriteCloseFrame(_output.GetSpan(CloseFrame.MaxSize));
            _output.Advance(size);
            var sending = _output.FlushAsync();
            _flushing = !sending.IsCompleted;
            var sent = await sending.ConfigureAwait(false);
            _flushing = false;
            if (_stream.Failed || sent.IsCompleted)
            {
                _stream.Broke(To);
                return false;
            }
        }

        _delivered = true;
        return true;
    }

    private int WriteCloseFrame(Span<byte> room)
    {
        if (_from == StreamSide.Backend)
        {
            return CloseFrame.Write(room, CloseFrame.GoingAway, _stream.DrainReason);
        }

        Span<byte> key = stackalloc byte[4];
        RandomNumberGenerator.Fill(key);
        return CloseFrame.WriteMasked(room, CloseFrame.GoingAway, _stream.DrainReason, BitConverter.ToUInt32(key));
    }

    private ValueTask<FlushResult> Send(in ReadOnlySequence<byte> bytes)
    {
        if (bytes.IsSingleSegment)
        {
            // A writer over a socket sends these bytes from where they are.
            return _output.WriteAsync(bytes.First);
        }

        // Many small blocks become one send, and on TLS full records.
        foreach (var segment in bytes)
        {
            _output.Write(segment.Span);
        }

        return _output.FlushAsync();
    }

    /// <summary>Follows the frames; <paramref name="lastBoundary"/> counts from the buffer's start, -1 when no boundary is in it.</summary>
    private bool Follow(in ReadOnlySequence<byte> buffer, out long lastBoundary)
    {
        lastBoundary = _follower.AtBoundary ? 0 : -1;
        long before = 0;
        foreach (var segment in buffer)
        {
            if (_follower.Advance(segment.Span, out var boundary) != FollowStatus.Ok)
            {
                return false;
            }

            lastBoundary = boundary >= 0 ? before + boundary : lastBoundary;
            before += segment.Length;
        }

        return true;
    }
}
