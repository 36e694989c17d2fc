using System.Buffers;
using System.IO.Pipelines;
using System.Security.Cryptography;
using Relay.Streams.Wire;

namespace Relay.Streams;

/// <summary>One of the two peers of a stream.</summary>
internal enum StreamSide
{
    Client = 0,
    Backend = 1,
}

/// <summary>
/// One direction of a stream: its loop reads from one peer, follows the frames, and writes to the other peer. Only this loop writes to that
/// output, also the close frame of a drain. Other threads set the stream's phase and cancel the pending read, which wakes the loop.
/// </summary>
/// <remarks>
/// 1. The loop waits for bytes, without a buffer if the transport can do that. 2. It follows the frames in the bytes. 3. It forwards the
/// bytes and waits for the flush before it reads again: a slow reader slows its sender (back-pressure). 4. While the stream is closing, it
/// stops at the next frame boundary, writes a close frame, and then reads only to find the source's own close frame.
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
    private volatile StreamPhase _seenPhase;
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

    /// <summary>Bytes forwarded so far.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Whether the target has received everything: a close frame, or the end of the source's bytes.</summary>
    public bool Delivered => _delivered;

    /// <summary>Whether the loop waits for the target to read.</summary>
    public bool Flushing => _flushing;

    /// <summary>
    /// Whether the loop has not yet acted on the stream's phase although it waits for no peer. Then this process is late, and the time
    /// limit for the peers has not begun.
    /// </summary>
    public bool IsBehind => !_over && !_flushing && _seenPhase < _stream.Phase;

    /// <summary>The code of the source's close frame; null before that frame.</summary>
    public int? CloseCode => _follower.CloseCode;

    private StreamSide To => _from == StreamSide.Client ? StreamSide.Backend : StreamSide.Client;

    /// <summary>Runs the direction to its end. An exception of a transport ends the stream and does not reach the caller.</summary>
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
            _stream.ConnectionBroke(_atFault);
        }
        catch
        {
            // A bug in this program: the stream ends before the exception goes on, so that the peers do not hang.
            _stream.ConnectionBroke(_atFault);
            throw;
        }
    }

    /// <summary>Wakes the loop, so that it sees the stream's phase. If no read is pending, the next read returns at once.</summary>
    public void Wake() => _input.CancelPendingRead();

    /// <summary>Ends a pending read and a pending flush, after both transports were aborted.</summary>
    public void Unblock()
    {
        _input.CancelPendingRead();
        _output.CancelPendingFlush();
    }

    /// <summary>
    /// Whether the source was reset while a flush has been pending since the previous heartbeat: the loop does not read then, and cannot
    /// notice.
    /// </summary>
    public bool SourceBrokeDuringFlush()
    {
        var pending = _flushing;
        var both = pending && _wasFlushing;
        _wasFlushing = pending;
        return both && _source.IsBroken;
    }

    /// <summary>
    /// Whether the source has ended and the target, which has bytes to read, has read nothing for the limit. The end of the source may lie
    /// behind bytes that the loop does not read while a flush is pending, or it was forwarded already and the kernel holds it for a target
    /// that does not read. The heartbeat calls this every few seconds.
    /// </summary>
    public bool IsStalledAfterSourceEnd(TimeSpan now, TimeSpan limit)
    {
        if (!_flushing && !_completing)
        {
            _stalledSince = null;
            return false;
        }

        // Both numbers only grow, so any progress changes their sum.
        var progress = Bytes + _target.AcknowledgedBytes;
        if (_stalledSince is not { } since || progress != _stalledAt || (_completed && !_target.HasUnacknowledged))
        {
            (_stalledSince, _stalledAt) = (now, progress);
            return false;
        }

        return now - since >= limit && (_completing || _source.HasEnded);
    }

    /// <summary>Returns true when the target's output is to be completed, false when the stream has failed.</summary>
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
            _seenPhase = phase;
            var result = await _input.ReadAsync().ConfigureAwait(false);
            if (_stream.Failed)
            {
                return false;
            }

            // A cancelled read only wakes the loop, by Wake or by a host that shuts down. The top of the loop then looks at the phase.
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
                    _stream.ConnectionBroke(To);
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

    /// <summary>Handles the end of the source's bytes. Returns false when the end cuts a frame that the target was to get.</summary>
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

    /// <summary>
    /// Writes the drain's close frame, unless the source's own has passed. Returns false when the target is disconnected.
    /// </summary>
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
                _stream.ConnectionBroke(To);
                return false;
            }
        }

        _delivered = true;
        return true;
    }

    private int WriteCloseFrame(Span<byte> destination)
    {
        if (_from == StreamSide.Backend)
        {
            return CloseFrame.Write(destination, CloseFrame.GoingAway, _stream.DrainReason);
        }

        Span<byte> key = stackalloc byte[4];
        RandomNumberGenerator.Fill(key);
        return CloseFrame.WriteMasked(destination, CloseFrame.GoingAway, _stream.DrainReason, BitConverter.ToUInt32(key));
    }

    private ValueTask<FlushResult> Send(in ReadOnlySequence<byte> bytes)
    {
        if (bytes.IsSingleSegment)
        {
            // A socket's writer sends these bytes without a copy.
            return _output.WriteAsync(bytes.First);
        }

        // Copying joins many small blocks into one send, and on TLS into full records.
        foreach (var segment in bytes)
        {
            _output.Write(segment.Span);
        }

        return _output.FlushAsync();
    }

    /// <summary>Follows the frames; <paramref name="lastBoundary"/> counts from the buffer's start and is -1 without a boundary.</summary>
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
