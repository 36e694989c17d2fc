using System.Buffers;
using System.IO.Pipelines;
using Tailnet.Wire;

namespace Tailnet.Yamux;

/// <summary>
/// One stream of a <see cref="YamuxSession"/>: bytes both ways, each direction with its own window and its own end.
/// Completing <see cref="Output"/> ends this side's half (FIN) after everything written before; completing it with an exception,
/// or <see cref="Reset"/>, ends both at once (RST). A stream the peer reset makes reads throw <see cref="YamuxException"/> at once,
/// one whose session ended when all that had come is read; flushes answer that the other side has completed.
/// </summary>
public sealed class YamuxStream : IDuplexPipe, IAsyncDisposable
{
    private readonly YamuxSession _session;
    private readonly Lock _lock = new();
    private readonly Pipe _received;
    private readonly Pipe _toSend;

    private YamuxFlags _flagsOwed;
    private uint _receiveWindow = YamuxOptions.InitialWindow;
    private uint _consumed;
    private long _sendWindow = YamuxOptions.InitialWindow;
    private bool _discards;
    private bool _localClosed;
    private bool _remoteClosed;
    private bool _dead;
    private bool _resetOwed;

    internal YamuxStream(YamuxSession session, uint id, YamuxOptions options, bool opened, long now)
    {
        _session = session;
        Id = id;
        OpenedAt = now;
        Acknowledged = !opened;
        _flagsOwed = opened ? YamuxFlags.Syn : YamuxFlags.None;

        // Received bytes are bounded by the window. Small segments: most streams carry messages of a few hundred bytes.
        _received = new Pipe(new PipeOptions(
            readerScheduler: options.RunsInline ? PipeScheduler.Inline : PipeScheduler.ThreadPool,
            pauseWriterThreshold: 0,
            minimumSegmentSize: 1024,
            useSynchronizationContext: false));
        _toSend = new Pipe(new PipeOptions(
            pauseWriterThreshold: options.SendBuffer,
            resumeWriterThreshold: options.SendBuffer / 2,
            minimumSegmentSize: 1024,
            useSynchronizationContext: false));
        Input = new YamuxStreamReader(this, _received.Reader);
        Output = new YamuxStreamWriter(this, _toSend.Writer);
    }

    /// <summary>The stream's number in its session: odd when the dialer opened it.</summary>
    public uint Id { get; }

    /// <summary>What the peer sent. Bytes that are not consumed hold the peer back at 256 KiB.</summary>
    public PipeReader Input { get; }

    /// <summary>What goes to the peer. A flush waits while more than <see cref="YamuxOptions.SendBuffer"/> bytes are unsent.</summary>
    public PipeWriter Output { get; }

    internal bool IsQueued { get; set; }

    internal bool Acknowledged { get; private set; }

    internal long OpenedAt { get; }

    internal long LocallyClosedAt { get; private set; }

    internal bool IsHalfClosed => _localClosed && !_remoteClosed && !_dead;

    internal bool IsDead => _dead;

    /// <summary>Why reads fail once everything received is read; null as long as they do not.</summary>
    internal YamuxException? Failure { get; private set; }

    /// <summary>Ends the stream at once in both directions; what is unsent is dropped.</summary>
    public void Reset() => Kill(YamuxCloseReason.None, tellPeer: true);

    /// <summary>Ends this side: nothing more is read, and what was written is sent before the half is closed.</summary>
    public async ValueTask DisposeAsync()
    {
        await Input.CompleteAsync().ConfigureAwait(false);
        await Output.CompleteAsync().ConfigureAwait(false);
    }

    internal void Accept()
    {
        lock (_lock)
        {
            _flagsOwed |= YamuxFlags.Ack;
        }

        _session.MarkReady(this);
    }

    /// <summary>True the first time that the peer accepts.</summary>
    internal bool TryAcknowledge()
    {
        lock (_lock)
        {
            var first = !Acknowledged;
            Acknowledged = true;
            return first;
        }
    }

    internal void OutputChanged() => _session.MarkReady(this);

    /// <summary>False when the peer gave more room than the protocol can express.</summary>
    internal bool TryAddSendWindow(uint delta)
    {
        lock (_lock)
        {
            _sendWindow += delta;
            if (_sendWindow > uint.MaxValue)
            {
                return false;
            }
        }

        if (delta > 0)
        {
            _session.MarkReady(this);
        }

        return true;
    }

    /// <summary>Books a data frame's whole body before any of it is stored.</summary>
    internal YamuxCloseReason BeginReceive(uint length)
    {
        lock (_lock)
        {
            if (_remoteClosed && length > 0)
            {
                return YamuxCloseReason.ProtocolError;
            }

            if (length > _receiveWindow)
            {
                return YamuxCloseReason.WindowOverrun;
            }

            _receiveWindow -= length;
            return _discards || _session.TryAddUnread(length) ? YamuxCloseReason.None : YamuxCloseReason.ReceiveLimit;
        }
    }

    internal ValueTask<FlushResult> Receive(in ReadOnlySequence<byte> piece)
    {
        lock (_lock)
        {
            if (_dead || _discards || _remoteClosed)
            {
                return default;
            }

            var length = (int)piece.Length;
            piece.CopyTo(_received.Writer.GetSpan(length));
            _received.Writer.Advance(length);
        }

        // Outside the lock, here and where the writer is completed: the reader may go on within.
        return _received.Writer.FlushAsync();
    }

    internal void ReceiveFin()
    {
        bool over;
        lock (_lock)
        {
            if (_dead || _remoteClosed)
            {
                return;
            }

            _remoteClosed = true;
            over = _localClosed;
            _dead |= over;
        }

        if (over)
        {
            _session.Remove(this);
        }

        _received.Writer.Complete();
    }

    internal void Consumed(long bytes)
    {
        bool due;
        lock (_lock)
        {
            _consumed += (uint)bytes;
            due = !_remoteClosed && !_dead && _consumed >= YamuxOptions.InitialWindow / 2;
            if (!_discards)
            {
                _session.ReleaseUnread(bytes);
            }
        }

        if (due)
        {
            _session.MarkReady(this);
        }
    }

    /// <summary>
    /// Nobody will read: what comes is dropped and earns the peer no more room, so that it stops within one window.
    /// </summary>
    internal void Discard()
    {
        lock (_lock)
        {
            if (!_discards)
            {
                _session.ReleaseUnread(Unread);
                _discards = true;
            }
        }
    }

    /// <summary>Ends both directions. When the peer shall hear of it, the stream stays known until the RST is written.</summary>
    internal void Kill(YamuxCloseReason reason, bool tellPeer)
    {
        bool cut;
        lock (_lock)
        {
            if (_dead)
            {
                return;
            }

            _dead = true;
            _resetOwed = tellPeer;
            cut = !_remoteClosed;
            if (cut)
            {
                Failure = new YamuxException(reason);
            }

            if (!_localClosed)
            {
                _toSend.Reader.Complete();
            }
        }

        if (tellPeer)
        {
            _session.MarkReady(this);
        }
        else
        {
            _session.Remove(this);
        }

        if (cut)
        {
            // What came before the session ended is still the application's; a reset takes it back. The reader adds the failure,
            // because a pipe that is completed with one no longer gives what it holds.
            _received.Writer.Complete(reason == YamuxCloseReason.None ? Failure : null);
        }
    }

    internal void ReleaseAllUnread() => Discard();

    /// <summary>
    /// Writes what is owed (flags, room, one data frame, the end) without flushing. True when there is more to send at once.
    /// Only the session's write loop calls it.
    /// </summary>
    internal bool Write(PipeWriter transport, int maxFrame, long now, ref int written)
    {
        bool more;
        var over = false;
        lock (_lock)
        {
            if (_dead)
            {
                over = _resetOwed;
                if (_resetOwed && (_flagsOwed & YamuxFlags.Syn) == 0)
                {
                    WriteHeader(transport, YamuxType.WindowUpdate, YamuxFlags.Rst, 0, ref written);
                }

                _resetOwed = false;
                more = false;
            }
            else
            {
                WriteFlagsAndRoom(transport, ref written);
                more = WriteData(transport, maxFrame, now, ref written);
                over = _localClosed && _remoteClosed;
                _dead |= over;
            }
        }

        if (over)
        {
            _session.Remove(this);
        }

        return more;
    }

    private long Unread => YamuxOptions.InitialWindow - _receiveWindow - _consumed;

    private void WriteFlagsAndRoom(PipeWriter transport, ref int written)
    {
        var room = _discards || _remoteClosed ? 0 : _consumed;
        if (_flagsOwed == YamuxFlags.None && room < YamuxOptions.InitialWindow / 2)
        {
            return;
        }

        WriteHeader(transport, YamuxType.WindowUpdate, _flagsOwed, room, ref written);
        _flagsOwed = YamuxFlags.None;
        _receiveWindow += room;
        _consumed -= room;
    }

    private bool WriteData(PipeWriter transport, int maxFrame, long now, ref int written)
    {
        if (_localClosed || !_toSend.Reader.TryRead(out var result))
        {
            return false;
        }

        var buffer = result.Buffer;
        var length = Math.Min(Math.Min(buffer.Length, _sendWindow), maxFrame);
        if (length > 0)
        {
            WriteHeader(transport, YamuxType.Data, YamuxFlags.None, (uint)length, ref written);
            foreach (var segment in buffer.Slice(0, length))
            {
                transport.Write(segment.Span);
            }

            written += (int)length;
            _sendWindow -= length;
        }

        var left = buffer.Length - length;
        _toSend.Reader.AdvanceTo(buffer.GetPosition(length));
        if (left == 0 && result.IsCompleted)
        {
            _toSend.Reader.Complete();
            _localClosed = true;
            LocallyClosedAt = now;
            WriteHeader(transport, YamuxType.WindowUpdate, YamuxFlags.Fin, 0, ref written);
        }

        return left > 0 && _sendWindow > 0;
    }

    private void WriteHeader(PipeWriter transport, YamuxType type, YamuxFlags flags, uint length, ref int written)
    {
        new YamuxHeader(type, flags, Id, length).Write(transport.GetSpan(YamuxHeader.Size));
        transport.Advance(YamuxHeader.Size);
        written += YamuxHeader.Size;
    }
}
