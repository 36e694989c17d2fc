using Tailnet.Ip.Wire;

namespace Tailnet.Ip.Tcp;

/// <summary>
/// The receiving half of a connection: reassembly, receive window and acknowledgments. A position is the offset of a byte in the peer's
/// stream; the FIN has the position after the last byte.
/// </summary>
internal sealed class TcpReceiver
{
    private readonly TcpContext _context;
    private readonly ByteRing _ring;
    private readonly RangeSet _outOfOrder = new(TcpTimes.MaxRanges);
    private readonly uint _origin;
    private readonly int _capacity;
    private readonly int _scale;
    private readonly int _segment;

    private long _next;
    private long _read;
    private long _edge;
    private long _fin = long.MaxValue;
    private int _unacknowledged;
    private long _lastAcknowledged;

    /// <param name="context">The memory and the counters of the stack.</param>
    /// <param name="origin">The sequence number after the peer's SYN, which has position 0.</param>
    /// <param name="capacity">The largest receive window in bytes.</param>
    /// <param name="scale">The shift of this side's windows; 0 when window scaling was not negotiated.</param>
    /// <param name="segment">Bytes of data in a full segment.</param>
    public TcpReceiver(TcpContext context, uint origin, int capacity, int scale, int segment)
    {
        _context = context;
        _origin = origin;
        _capacity = Math.Min(capacity, ushort.MaxValue << scale);
        _scale = scale;
        _segment = segment;
        _ring = new ByteRing(context.Buffers, _capacity + segment);
        _edge = _capacity;
    }

    /// <summary>RCV.NXT: the next expected sequence number.</summary>
    public uint Next => _origin + (uint)_next + (IsFinished ? 1u : 0);

    /// <summary>Whether all data and the FIN have been received.</summary>
    public bool IsFinished { get; private set; }

    /// <summary>Bytes that the application can read now.</summary>
    public int Readable => (int)(_next - _read);

    /// <summary>Whether the application has read everything up to the FIN.</summary>
    public bool IsAtEnd => IsFinished && _next == _read;

    /// <summary>Size of the buffer's chunks in bytes.</summary>
    public long Held => _ring.Held;

    /// <summary>Number of ranges of out-of-order data.</summary>
    public int Ranges => _outOfOrder.Count;

    /// <summary>Whether an acknowledgment must be sent at the end of this batch.</summary>
    public bool AckNow { get; private set; }

    /// <summary>Whether received data is unacknowledged, so that a delayed ACK must be scheduled.</summary>
    public bool AckLater => _unacknowledged > 0;

    /// <summary>Number of duplicate ACKs to send. A peer without SACK counts them.</summary>
    public int DuplicateAcks { get; private set; }

    /// <summary>
    /// Whether a window update is due: the peer has used up half of the window, and reads have freed at least two segments or half of the
    /// buffer (RFC 9293 §3.8.6.2.2).
    /// </summary>
    public bool IsWindowUpdateDue
    {
        get
        {
            if (IsFinished || _context.Buffers.IsTight)
            {
                return false;
            }

            var freed = _read + _capacity - _edge;
            return freed >= Math.Min(2 * _segment, _capacity / 2) && _edge - _next < _capacity / 2;
        }
    }

    /// <summary>Whether any part of a segment is in the window (RFC 9293 §3.10.7.4, first). A FIN may lie just after the window.</summary>
    public bool IsAcceptable(uint sequence, uint length)
    {
        var start = Position(sequence);
        var next = _next + (IsFinished ? 1 : 0);
        return length == 0
            ? start >= next && start <= Math.Max(next, _edge)
            : start <= Math.Max(next, _edge) && start + length > next;
    }

    /// <summary>Whether a sequence number is in the window, for the check of an RST (RFC 5961 §3.2).</summary>
    public bool IsInWindow(uint sequence)
    {
        var start = Position(sequence);
        return start >= _next && start < Math.Max(_edge, _next + 1);
    }

    /// <summary>Whether a segment begins at or below Last.ACK.sent, so that its timestamp updates TS.Recent (RFC 7323 §4.3).</summary>
    public bool UpdatesTimestamp(uint sequence) => Position(sequence) <= _lastAcknowledged;

    /// <summary>
    /// Stores the data and the FIN of an acceptable segment. True when the segment made data readable, or the peer has finished.
    /// </summary>
    public bool Take(uint sequence, ReadOnlySpan<byte> data, bool fin, bool push)
    {
        var start = Position(sequence);
        var end = start + data.Length;
        if (fin && _fin == long.MaxValue && end >= _next && end >= _outOfOrder.End)
        {
            _fin = end;
        }

        // Data beyond the window or after the FIN is cut off. Bytes that are already stored are not overwritten, because the application
        // may have read them.
        var limit = Math.Min(_edge, _fin);
        var before = _next;
        if (end > limit)
        {
            data = data[..(int)Math.Clamp(limit - start, 0, data.Length)];
            end = start + data.Length;
        }

        if (start < _next)
        {
            data = data[(int)Math.Min(_next - start, data.Length)..];
            start = end - data.Length;
        }

        if (!data.IsEmpty)
        {
            var filled = _outOfOrder.Count > 0;
            var stored = Store(start, data);
            if (start <= _next)
            {
                _next = _outOfOrder.TakeContiguous(Math.Max(_next, stored));
            }

            _unacknowledged++;
            AckNow |= filled || start > before || push || _unacknowledged >= 2;
            DuplicateAcks += start > before ? 1 : 0;
        }
        else
        {
            // The segment has no new data. A retransmission means that the peer has probably missed an acknowledgment.
            AckNow = true;
        }

        if (_next == _fin && !IsFinished)
        {
            IsFinished = true;
            AckNow = true;
        }

        return _next > before || IsFinished;
    }

    /// <summary>Requests an acknowledgment at the end of this batch.</summary>
    public void RequestAck() => AckNow = true;

    /// <summary>The value of the window field for the next segment. It advances the window's edge when enough is free.</summary>
    public ushort Window()
    {
        // The edge never moves back. It advances by at least a segment or half of the buffer (RFC 9293 §3.8.6.2.2), and not while
        // memory is short.
        if (!_context.Buffers.IsTight && _read + _capacity - _edge >= Math.Min(_segment, _capacity / 2))
        {
            _edge = _read + _capacity;
        }

        return (ushort)Math.Min(ushort.MaxValue, (_edge - _next) >> _scale);
    }

    /// <summary>Notes that a segment with the acknowledgment was sent.</summary>
    public void Acknowledged()
    {
        AckNow = false;
        _lastAcknowledged = _next;
        _unacknowledged = 0;
        DuplicateAcks = 0;
    }

    /// <summary>Adds SACK blocks for the out-of-order data.</summary>
    public void AddSackBlocks(ref TcpOptions options, int max) => _outOfOrder.AddSackBlocks(ref options, max, _origin);

    /// <summary>Copies readable bytes, frees their memory, and returns their number.</summary>
    public int Read(Span<byte> destination)
    {
        var length = Math.Min(destination.Length, Readable);
        if (length == 0)
        {
            return 0;
        }

        _ring.Read(_read, destination[..length]);
        _read += length;
        if (_read == _next && _outOfOrder.Count == 0)
        {
            _ring.ReleaseAll();
        }
        else
        {
            _ring.ReleaseBelow(_read);
        }

        return length;
    }

    /// <summary>Discards all buffered data.</summary>
    public void Discard()
    {
        _outOfOrder.Clear();
        _ring.ReleaseAll();
        _read = _next;
    }

    private long Position(uint sequence) => _next + (int)(sequence - (_origin + (uint)_next));

    /// <summary>Stores the bytes that no range covers yet, and returns the position up to which all bytes of the data are stored.</summary>
    private long Store(long start, ReadOnlySpan<byte> data)
    {
        var end = start + data.Length;
        if (start == _next && _outOfOrder.Count == 0)
        {
            var stored = _ring.Write(start, data);
            _context.Counters.NoBuffer += stored < data.Length ? 1 : 0;
            return start + stored;
        }

        var at = start;
        while (_outOfOrder.TryFindGap(at, end, out var gap, out var gapEnd))
        {
            var stored = gap + _ring.Write(gap, data[(int)(gap - start)..(int)(gapEnd - start)]);
            if (stored < gapEnd)
            {
                _context.Counters.NoBuffer++;
                end = stored;
            }

            at = gapEnd;
        }

        if (start > _next && end > start && !_outOfOrder.TryAdd(start, end, out _))
        {
            _outOfOrder.RemoveOldest();
            _outOfOrder.TryAdd(start, end, out _);
        }

        return end;
    }
}
