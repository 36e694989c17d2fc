using System.Buffers;
using System.IO.Pipelines;
using Tailnet.Wire;

namespace Tailnet.Yamux;

/// <summary>
/// One stream of a <see cref="YamuxSession"/>, with a window and an end for each direction. Completing <see cref="Output"/> ends this
/// side's half (FIN) after all written bytes. Completing it with an exception, or <see cref="Reset"/>, ends both directions at once (RST).
/// After a reset by the peer, reads throw <see cref="YamuxException"/> at once. After the end of the session they throw it once all
/// received bytes are read. Flushes then report completion.
/// </summary>
public sealed class YamuxStream : IDuplexPipe, IAsyncDisposable
{
    private readonly YamuxSession _session;
    private readonly Lock _lock = new();
    private readonly Pipe _received;
    private readonly Pipe _toSend;

    private YamuxFlags _pendingFlags;
    private uint _receiveWindow = YamuxOptions.InitialWindow;
    private uint _consumed;
    private long _sendWindow = YamuxOptions.InitialWindow;
    private bool _isDiscarding;
    private bool _localClosed;
    private bool _remoteClosed;
    private bool _dead;
    private bool _isResetPending;

    internal YamuxStream(YamuxSession session, uint id, YamuxOptions options, bool opened, long now)
    {
        _session = session;
        Id = id;
        OpenedAt = now;
        Acknowledged = !opened;
        _pendingFlags = opened ? YamuxFlags.Syn : YamuxFlags.None;

        // The window bounds the received bytes. The segments are small because most streams carry messages of a few hundred bytes.
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

    /// <summary>The stream's number in its session: odd if the dialer opened the stream.</summary>
    public uint Id { get; }

    /// <summary>The peer's bytes. The window lets the peer send at most 256 KiB that are not consumed.</summary>
    public PipeReader Input { get; }

    /// <summary>The bytes to the peer. A flush waits while more than <see cref="YamuxOptions.SendBuffer"/> bytes are unsent.</summary>
    public PipeWriter Output { get; }

    internal bool IsQueued { get; set; }

    internal bool Acknowledged { get; private set; }

    internal long OpenedAt { get; }

    internal long LocallyClosedAt { get; private set; }

    internal bool IsHalfClosed => _localClosed && !_remoteClosed && !_dead;

    internal bool IsDead => _dead;

    /// <summary>The exception of reads once all received bytes are read; null for an orderly end.</summary>
    internal YamuxException? Failure { get; private set; }

    /// <summary>Ends the stream at once in both directions; unsent bytes are dropped.</summary>
    public void Reset() => Abort(YamuxCloseReason.None, tellPeer: true);

    /// <summary>Ends this side: later bytes of the peer are dropped; the written bytes are sent before the half is closed.</summary>
    public async ValueTask DisposeAsync()
    {
        await Input.CompleteAsync().ConfigureAwait(false);
        await Output.CompleteAsync().ConfigureAwait(false);
    }

    internal void Accept()
    {
        lock (_lock)
        {
            _pendingFlags |= YamuxFlags.Ack;
        }

        _session.MarkReady(this);
    }

    /// <summary>Records that the peer has accepted the stream. Returns true the first time.</summary>
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

    /// <summary>Enlarges the send window. Returns false when it is larger than the protocol allows.</summary>
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

    /// <summary>Counts a data frame's whole body against the window and the session's limit, before any of it is stored.</summary>
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
            return _isDiscarding || _session.TryAddUnread(length) ? YamuxCloseReason.None : YamuxCloseReason.ReceiveLimit;
        }
    }

    internal ValueTask<FlushResult> Receive(in ReadOnlySequence<byte> piece)
    {
        lock (_lock)
        {
            if (_dead || _isDiscarding || _remoteClosed)
            {
                return default;
            }

            var length = (int)piece.Length;
            piece.CopyTo(_received.Writer.GetSpan(length));
            _received.Writer.Advance(length);
        }

        // Outside the lock, as the completions of the writer: the reader may run within this call.
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
            if (!_isDiscarding)
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
    /// Drops later bytes of the peer because the application has stopped reading. The window is not enlarged any more, so the peer stops
    /// within one window.
    /// </summary>
    internal void Discard()
    {
        lock (_lock)
        {
            if (!_isDiscarding)
            {
                _session.ReleaseUnread(Unread);
                _isDiscarding = true;
            }
        }
    }

    /// <summary>Ends both directions. With an RST to the peer, the session keeps the stream until the RST is written.</summary>
    internal void Abort(YamuxCloseReason reason, bool tellPeer)
    {
        bool cut;
        lock (_lock)
        {
            if (_dead)
            {
                return;
            }

            _dead = true;
            _isResetPending = tellPeer;
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
            // After the end of a session the application may still read the received bytes; a reset discards them. A pipe that is completed
            // with an exception returns no more bytes, so YamuxStreamReader throws the exception after the last byte.
            _received.Writer.Complete(reason == YamuxCloseReason.None ? Failure : null);
        }
    }

    internal void ReleaseAllUnread() => Discard();

    /// <summary>
    /// Writes the pending flags, window update, one data frame and the end, without a flush. Returns true when more can be sent at once.
    /// Only the session's write loop calls this.
    /// </summary>
    internal bool Write(PipeWriter transport, int maxFrame, long now, ref int written)
    {
        bool more;
        var over = false;
        lock (_lock)
        {
            if (_dead)
            {
                over = _isResetPending;
                if (_isResetPending && (_pendingFlags & YamuxFlags.Syn) == 0)
                {
                    WriteHeader(transport, YamuxType.WindowUpdate, YamuxFlags.Rst, 0, ref written);
                }

                _isResetPending = false;
                more = false;
            }
            else
            {
                WriteFlagsAndWindow(transport, ref written);
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

    private void WriteFlagsAndWindow(PipeWriter transport, ref int written)
    {
        var room = _isDiscarding || _remoteClosed ? 0 : _consumed;
        if (_pendingFlags == YamuxFlags.None && room < YamuxOptions.InitialWindow / 2)
        {
            return;
        }

        WriteHeader(transport, YamuxType.WindowUpdate, _pendingFlags, room, ref written);
        _pendingFlags = YamuxFlags.None;
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
