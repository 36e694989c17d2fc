namespace Tailnet.Ip.Tcp;

/// <summary>
/// The sending half of a connection: the buffer, and the choice of the next segment. A position is the offset of a byte in this side's
/// stream; the FIN has the position after the last byte. <c>TcpSender.Acknowledgments.cs</c> processes acknowledgments,
/// <c>TcpSender.Timers.cs</c> has the timers.
/// </summary>
internal sealed partial class TcpSender
{
    private readonly TcpContext _context;
    private readonly ByteRing _ring;
    private readonly RangeSet _sacked = new(2 * TcpTimes.MaxRanges);
    private readonly uint _origin;
    private readonly int _capacity;
    private readonly int _segment;
    private readonly int _scale;
    private readonly bool _hasSack;
    private readonly bool _hasTimestamps;

    private CongestionControl _congestion;
    private RttEstimator _rtt;

    // Positions: SND.UNA, SND.NXT, and the end of the data that the application has written.
    private long _unacknowledged;
    private long _next;
    private long _end;
    private bool _finQueued;

    // The send window: its edge as a position, its largest size in bytes, and the segment of its last update (SND.WL1, SND.WL2).
    private long _edge;
    private long _maxWindow;
    private uint _windowSequence;
    private long _windowAck;

    // Data below _lostBelow without a SACK counts as lost. Lost data below _retransmittedBelow was retransmitted since.
    private long _lostBelow;
    private long _retransmittedBelow;
    private bool _retransmitFirst;
    private bool _limitedByCongestion;
    private bool _limitedByWindow;
    private long _lastSent;

    /// <param name="context">The memory and the counters of the stack.</param>
    /// <param name="setup">The parameters that the handshake has negotiated.</param>
    /// <param name="capacity">Size of the send buffer in bytes.</param>
    /// <param name="now">The stack's clock in microseconds.</param>
    public TcpSender(TcpContext context, in TcpSenderSetup setup, int capacity, long now)
    {
        _context = context;
        _ring = new ByteRing(context.Buffers, capacity);
        _capacity = capacity;
        _origin = setup.Origin;
        _segment = setup.Segment;
        _scale = setup.Scale;
        _hasSack = setup.HasSack;
        _hasTimestamps = setup.HasTimestamps;
        _windowSequence = setup.WindowSequence;
        _edge = setup.Window;
        _maxWindow = setup.Window;
        _rtt = setup.Rtt;
        _congestion = new CongestionControl(_segment, setup.LostSyn);
        _lastSent = now;
    }

    /// <summary>SND.NXT as a sequence number.</summary>
    public uint Next => _origin + (uint)_next;

    /// <summary>Sequence numbers sent and not acknowledged: data and the FIN. The estimate of RFC 6675 is <see cref="Pipe"/>.</summary>
    public long InFlight => _next - _unacknowledged;

    /// <summary>Bytes in the send buffer: written and not acknowledged.</summary>
    public int Buffered => (int)(_end - Math.Min(_unacknowledged, _end));

    /// <summary>Free bytes of the send buffer; 0 after <see cref="Finish"/>.</summary>
    public int Room => _finQueued ? 0 : _capacity - Buffered;

    /// <summary>Whether the peer has acknowledged all data and the FIN.</summary>
    public bool IsFinished => _finQueued && _unacknowledged > _end;

    /// <summary>Whether data or a FIN waits for its first transmission.</summary>
    public bool HasUnsent => _next < _end + (_finQueued ? 1 : 0);

    /// <summary>Size of the buffer's chunks in bytes.</summary>
    public long Held => _ring.Held;

    /// <summary>The smoothed round-trip time in microseconds; 0 before the first sample.</summary>
    public long RoundTrip => _rtt.Smoothed;

    /// <summary>The retransmission time-out in microseconds, before back-off.</summary>
    public long Timeout => _rtt.Timeout;

    /// <summary>The congestion window in bytes.</summary>
    public long CongestionWindow => _congestion.Window;

    /// <summary>Copies bytes into the send buffer, and returns how many fit.</summary>
    public int Write(ReadOnlySpan<byte> bytes)
    {
        var length = _ring.Write(_end, bytes[..Math.Min(bytes.Length, Room)]);
        _end += length;
        return length;
    }

    /// <summary>Queues the FIN after the last byte.</summary>
    public void Finish() => _finQueued = true;

    /// <summary>Copies the data of a planned segment.</summary>
    public void Read(in SendPlan plan, Span<byte> destination) => _ring.Read(plan.Position, destination[..plan.Length]);

    /// <summary>The sequence number of a position.</summary>
    public uint Sequence(long position) => _origin + (uint)position;

    /// <summary>Discards all buffered data.</summary>
    public void Discard() => _ring.ReleaseAll();

    /// <summary>Chooses the next segment; false when nothing may be sent now.</summary>
    /// <param name="allowance">Bytes of new data that the agent's limit of bytes in flight still allows.</param>
    /// <param name="now">The stack's clock in microseconds.</param>
    /// <param name="plan">The segment to send.</param>
    public bool TryPlan(long allowance, long now, out SendPlan plan)
    {
        _limitedByCongestion = false;
        _limitedByWindow = false;
        if (_windowProbeDue)
        {
            // The probe is one byte beyond the window. Its acknowledgment has the current window, whether the peer stores the byte or not.
            plan = Segment(SendCause.WindowProbe, InFlight > 0 ? _unacknowledged : _next, 1, long.MaxValue);
            return true;
        }

        if (_tailProbeDue)
        {
            plan = NewSegment(allowance) is { End: var end } probe && end > _next
                ? probe with { Cause = SendCause.TailProbe }
                : Segment(SendCause.TailProbe, Math.Max(_unacknowledged, _next - _segment), _segment, _next);
            return true;
        }

        if (TryPlanLostRetransmit(out plan)
            || TryPlanRetransmit(_lostBelow, out plan)
            || TryPlanNew(allowance, now, out plan)
            || (_recovery == Recovery.Fast && _hasSack && TryPlanRetransmit(_sacked.End, out plan)))
        {
            return true;
        }

        if (InFlight == 0 && _limitedByWindow && _timer == Timer.None)
        {
            ArmPersist(now);
        }

        return false;
    }

    /// <summary>Updates the state after a planned segment was sent.</summary>
    /// <param name="plan">The segment.</param>
    /// <param name="timestamp">The TSval of the segment.</param>
    /// <param name="now">The stack's clock in microseconds.</param>
    public void Sent(in SendPlan plan, uint timestamp, long now)
    {
        var isNew = plan.End > _next;
        if (_stalledSince == TcpTimes.Never)
        {
            _stalledSince = now;
        }

        if (isNew)
        {
            if (_timedEnd < 0 && plan.Cause == SendCause.New)
            {
                (_timedEnd, _timedAt) = (plan.End, now);
            }

            _next = plan.End;
        }
        else
        {
            _timedEnd = -1;
        }

        switch (plan.Cause)
        {
            case SendCause.Lost:
                NoteRetransmit(plan);
                if (_undo == Undo.BeforeRetransmit)
                {
                    (_undo, _undoTimestamp) = (Undo.Possible, timestamp);
                }

                if (_recovery == Recovery.Timeout)
                {
                    _context.Counters.TimeoutRetransmits++;
                }
                else
                {
                    _context.Counters.FastRetransmits++;
                }

                break;
            case SendCause.TailProbe:
                _tailProbeDue = false;
                (_tailProbeEnd, _tailProbeTimestamp, _tailProbeIsNew) = (_next, timestamp, isNew);
                _context.Counters.TailProbes++;
                break;
            case SendCause.WindowProbe:
                _windowProbeDue = false;
                _isProbingWindow = true;
                break;
        }

        _swsOverride = false;
        _lastSent = now;
        ArmAfterSending(plan.Cause, now);
    }

    /// <summary>
    /// The estimate of bytes in flight: sent data without lost and SACKed data, plus retransmissions (RFC 6675 §4, SetPipe).
    /// </summary>
    private long Pipe()
    {
        if (_sacked.Count == 0 && _lostBelow <= _unacknowledged && _duplicateAcks == 0)
        {
            return InFlight;
        }

        var from = Math.Max(_lostBelow, _unacknowledged);
        var to = Math.Min(_retransmittedBelow, _next);
        var pipe = _next - from - _sacked.Covered(from, _next);
        if (to > _unacknowledged)
        {
            pipe += to - _unacknowledged - _sacked.Covered(_unacknowledged, to);
        }

        // Without SACK each duplicate ACK means that one segment has left the path.
        return _hasSack ? pipe : Math.Max(0, pipe - ((long)_duplicateAcks * _segment));
    }

    private bool TryPlanRetransmit(long below, out SendPlan plan)
    {
        plan = default;
        var from = Math.Max(_unacknowledged, _retransmittedBelow);
        if (from >= below || !_sacked.TryFindGap(from, Math.Min(below, _next), out var start, out var end))
        {
            return false;
        }

        plan = Segment(SendCause.Lost, start, _segment, end);
        if (!_retransmitFirst && Pipe() + plan.Length > _congestion.Window)
        {
            _limitedByCongestion = true;
            return false;
        }

        return true;
    }

    private bool TryPlanNew(long allowance, long now, out SendPlan plan)
    {
        plan = default;
        if (_next >= _end + (_finQueued ? 1 : 0))
        {
            return false;
        }

        if (InFlight == 0 && now - _lastSent > _rtt.Timeout)
        {
            _congestion.RestartAfterIdle();
        }

        plan = NewSegment(Math.Min(allowance, TcpTimes.MaxInFlight - InFlight));
        if (plan.End == _next)
        {
            return false;
        }

        if (Pipe() + plan.Length > _congestion.Window)
        {
            _limitedByCongestion = true;
            return false;
        }

        return true;
    }

    /// <summary>
    /// The next segment of new data that fits into the send window and into <paramref name="allowance"/>. It is empty when there is none,
    /// or when the segment would be small (sender's silly window syndrome avoidance, RFC 9293 §3.8.6.2.1).
    /// </summary>
    private SendPlan NewSegment(long allowance)
    {
        var usable = _edge - _next;
        var plan = Segment(SendCause.New, _next, (int)Math.Clamp(usable, 0, _segment), long.MaxValue);
        if (plan.Fin && plan.End > _edge)
        {
            plan = plan with { Fin = false };
        }

        var isWhole = plan.Length == _segment || plan.Position + plan.Length == _end;
        if (plan.End > _next && plan.Length <= allowance && (isWhole || usable >= _maxWindow / 2 || _swsOverride))
        {
            return plan;
        }

        _limitedByWindow = plan.Length <= allowance;
        return default(SendPlan) with { Position = _next };
    }

    /// <summary>
    /// The segment at a position, with at most <paramref name="max"/> bytes of data, that ends at or before <paramref name="limit"/>.
    /// </summary>
    private SendPlan Segment(SendCause cause, long position, int max, long limit)
    {
        var length = (int)Math.Max(0, Math.Min(Math.Min(max, _end - position), limit - position));
        var end = position + length;
        var fin = _finQueued && end == _end && limit > _end;
        return new SendPlan(cause, position, length, fin, length > 0 && end == _end);
    }
}
