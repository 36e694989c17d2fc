using Tailnet.Ip.Wire;

namespace Tailnet.Ip.Tcp;

/// <summary>
/// The receiving half of a connection: reassembly, window, and what is to be acknowledged. Positions count the peer's bytes from 0; its FIN
/// takes the position after the last.
/// </summary>
internal sealed class TcpReceiver
{
    private readonly TcpContext _context;
    private readonly ByteRing _ring;
    private readonly RangeSet _beyond = new(TcpTimes.MaxRanges);
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

    /// <summary>A receiver for what follows a SYN.</summary>
    /// <param name="context">Memory and counters.</param>
    /// <param name="origin">The sequence number after the SYN.</param>
    /// <param name="capacity">The window in bytes.</param>
    /// <param name="scale">The shift of windows; 0 when the peer does not scale.</param>
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

    /// <summary>RCV.NXT: what the peer is to send next.</summary>
    public uint Next => _origin + (uint)_next + (IsFinished ? 1u : 0);

    /// <summary>All data and the FIN have come.</summary>
    public bool IsFinished { get; private set; }

    /// <summary>Bytes that the application can read.</summary>
    public int Readable => (int)(_next - _read);

    /// <summary>Nothing more will be readable.</summary>
    public bool IsAtEnd => IsFinished && _next == _read;

    /// <summary>Bytes of memory in use.</summary>
    public long Held => _ring.Held;

    /// <summary>Ranges that wait for what is before them.</summary>
    public int Ranges => _beyond.Count;

    /// <summary>An acknowledgment is to be sent in this batch.</summary>
    public bool AckNow { get; private set; }

    /// <summary>An acknowledgment may wait for more, but not for long.</summary>
    public bool AckLater => _unacknowledged > 0;

    /// <summary>Duplicate acknowledgments owed: a peer without SACK counts them.</summary>
    public int Duplicates { get; private set; }

    /// <summary>The peer has used up half of the window, and reading has freed enough to say so (RFC 9293 §3.8.6.2.2).</summary>
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

    /// <summary>RFC 9293 §3.10.7.4, first: whether any part of a segment is in the window. A FIN needs no room.</summary>
    public bool IsAcceptable(uint sequence, uint length)
    {
        var start = Position(sequence);
        var next = _next + (IsFinished ? 1 : 0);
        return length == 0
            ? start >= next && start <= Math.Max(next, _edge)
            : start <= Math.Max(next, _edge) && start + length > next;
    }

    /// <summary>Whether a sequence number is in the window, the next one apart (RFC 5961 §3.2).</summary>
    public bool IsInWindow(uint sequence)
    {
        var start = Position(sequence);
        return start >= _next && start < Math.Max(_edge, _next + 1);
    }

    /// <summary>Whether a segment begins at or below what was last acknowledged, so that its timestamp counts (RFC 7323 §4.3).</summary>
    public bool IsNotBeyond(uint sequence) => Position(sequence) <= _lastAcknowledged;

    /// <summary>
    /// Takes the data and the FIN of an acceptable segment. True when more can be read than before, or the end was reached.
    /// </summary>
    public bool Take(uint sequence, ReadOnlySpan<byte> data, bool fin, bool push)
    {
        var start = Position(sequence);
        var end = start + data.Length;
        if (fin && _fin == long.MaxValue && end >= _next && end >= _beyond.End)
        {
            _fin = end;
        }

        // Data after the end of the stream, and what does not fit, is cut off. What was there first stays: the application may have seen
        // it.
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
            var filled = _beyond.Count > 0;
            var stored = Store(start, data);
            if (start <= _next)
            {
                _next = _beyond.TakeContiguous(Math.Max(_next, stored));
            }

            _unacknowledged++;
            AckNow |= filled || start > before || push || _unacknowledged >= 2;
            Duplicates += start > before ? 1 : 0;
        }
        else
        {
            // Nothing new: the peer has sent again what is here, so an acknowledgment was lost.
            AckNow = true;
        }

        if (_next == _fin && !IsFinished)
        {
            IsFinished = true;
            AckNow = true;
        }

        return _next > before || IsFinished;
    }

    /// <summary>An acknowledgment is owed for another reason.</summary>
    public void OweAck() => AckNow = true;

    /// <summary>The window to write into a header.</summary>
    public ushort Window()
    {
        // The edge never moves back. It moves on by whole steps only, or not at all while memory is short.
        if (!_context.Buffers.IsTight && _read + _capacity - _edge >= Math.Min(_segment, _capacity / 2))
        {
            _edge = _read + _capacity;
        }

        return (ushort)Math.Min(ushort.MaxValue, (_edge - _next) >> _scale);
    }

    /// <summary>A header with the acknowledgment was sent.</summary>
    public void Acknowledged()
    {
        AckNow = false;
        _lastAcknowledged = _next;
        _unacknowledged = 0;
        Duplicates = 0;
    }

    /// <summary>One of the duplicates owed was sent.</summary>
    public void DuplicateSent() => Duplicates--;

    /// <summary>Adds what is here beyond the acknowledgment.</summary>
    public void Report(ref TcpOptions options, int max) => _beyond.Report(ref options, max, _origin);

    /// <summary>Copies readable bytes out, and frees their room.</summary>
    public int Read(Span<byte> destination)
    {
        var length = Math.Min(destination.Length, Readable);
        if (length == 0)
        {
            return 0;
        }

        _ring.Read(_read, destination[..length]);
        _read += length;
        if (_read == _next && _beyond.Count == 0)
        {
            _ring.ReleaseAll();
        }
        else
        {
            _ring.ReleaseBelow(_read);
        }

        return length;
    }

    /// <summary>Frees everything.</summary>
    public void Discard()
    {
        _beyond.Clear();
        _ring.ReleaseAll();
        _read = _next;
    }

    private long Position(uint sequence) => _next + (int)(sequence - (_origin + (uint)_next));

    /// <summary>Stores what no range covers yet, and returns the position up to which everything of the data is here.</summary>
    private long Store(long start, ReadOnlySpan<byte> data)
    {
        var end = start + data.Length;
        if (start == _next && _beyond.Count == 0)
        {
            var stored = _ring.Write(start, data);
            _context.Counters.NoBuffer += stored < data.Length ? 1 : 0;
            return start + stored;
        }

        var at = start;
        while (_beyond.TryFindGap(at, end, out var gap, out var gapEnd))
        {
            var stored = gap + _ring.Write(gap, data[(int)(gap - start)..(int)(gapEnd - start)]);
            if (stored < gapEnd)
            {
                _context.Counters.NoBuffer++;
                end = stored;
            }

            at = gapEnd;
        }

        if (start > _next && end > start && !_beyond.TryAdd(start, end, out _))
        {
            _beyond.RemoveOldest();
            _beyond.TryAdd(start, end, out _);
        }

        return end;
    }
}
