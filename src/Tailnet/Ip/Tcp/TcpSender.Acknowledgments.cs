using Tailnet.Ip.Wire;

namespace Tailnet.Ip.Tcp;

/// <summary>
/// What acknowledgments say: RFC 9293 §3.10.7.4, RFC 6675 with SACK, RFC 6582 without, RFC 3522 against repeats that were not needed.
/// </summary>
internal sealed partial class TcpSender
{
    private const int DuplicateThreshold = 3;

    private Recovery _recovery;
    private long _recoveryPoint;
    private int _duplicates;
    private Undo _undo;
    private uint _undoTimestamp;
    private long _timedEnd = -1;
    private long _timedAt;

    private enum Recovery
    {
        None,
        Fast,
        Timeout,
    }

    private enum Undo
    {
        None,
        BeforeRepeat,
        Possible,
    }

    /// <summary>Bytes were acknowledged by the last segment.</summary>
    public bool HasAdvanced { get; private set; }

    /// <summary>
    /// Takes the acknowledgment, SACK blocks and window of a segment; false when it acknowledges what it cannot (RFC 5961 §5.2).
    /// </summary>
    /// <param name="segment">A segment with ACK that is in the window.</param>
    /// <param name="clock">The timestamp clock.</param>
    /// <param name="now">The clock.</param>
    public bool TryAcknowledge(in TcpSegment segment, uint clock, long now)
    {
        HasAdvanced = false;
        var ack = Position(segment.Acknowledgment);
        if (ack > _next || ack < _unacknowledged - _maxWindow)
        {
            return false;
        }

        if (ack < _unacknowledged)
        {
            return true;
        }

        var sacked = _hasSack ? TakeSack(segment.Options, ack) : 0;
        var sameWindow = !TryUpdateWindow(segment, ack);
        if (ack > _unacknowledged)
        {
            Advance(ack, segment.Options, clock, now);
        }
        else if (InFlight > 0 && _recovery != Recovery.Timeout
            && (_hasSack ? sacked > 0 : sameWindow && segment.Length == 0 && !_isProbingWindow))
        {
            _duplicates++;
        }

        DetectLoss();
        FollowWindow(now);
        return true;
    }

    private void Advance(long ack, in TcpOptions options, uint clock, long now)
    {
        var acked = ack - _unacknowledged;
        var flight = InFlight;
        HasAdvanced = true;
        MeasureRoundTrip(ack, options, clock, now);

        _unacknowledged = ack;
        if (ack >= _end)
        {
            _ring.ReleaseAll();
        }
        else
        {
            _ring.ReleaseBelow(ack);
        }

        if (_sacked.RemoveBelow(ack))
        {
            // The peer acknowledges less than it had reported: it has thrown data away (RFC 2018 §8).
            _sacked.Clear();
        }

        NoteAdvance(ack);
        _lostBelow = Math.Max(_lostBelow, ack);
        _repeatedBelow = Math.Max(_repeatedBelow, ack);
        _expiries = 0;
        _stalledSince = InFlight > 0 ? now : TcpTimes.Never;

        var original = _hasTimestamps && options.HasTimestamps;
        if (_undo == Undo.BeforeRepeat || (_undo == Undo.Possible && original && (int)(options.TimestampEcho - _undoTimestamp) < 0))
        {
            UndoLoss();
        }

        _undo = Undo.None;
        EndTailProbe(ack, options, flight);
        switch (_recovery)
        {
            case Recovery.None:
                _duplicates = 0;
                if (_limitedByCongestion || (_congestion.IsSlowStart && 2 * flight >= _congestion.Window))
                {
                    _congestion.Acknowledged(acked, afterTimeout: false);
                }

                break;
            case var _ when ack >= _recoveryPoint:
                _recovery = Recovery.None;
                _duplicates = 0;
                ForgetRepeat();
                break;
            case Recovery.Timeout:
                _congestion.Acknowledged(acked, afterTimeout: true);
                break;
            case Recovery.Fast when !_hasSack:
                // A partial acknowledgment: the next segment is lost too (RFC 6582 §3.2).
                _lostBelow = ack + _segment;
                _repeatedBelow = ack;
                _repeatFirst = true;
                _duplicates = (int)Math.Max(0, _duplicates - (acked / _segment) + 1);
                break;
        }

        ArmAfterAdvance(now);
    }

    /// <summary>
    /// One segment in a round trip is timed by the clock. While losses are repaired the peer's echo of a timestamp serves (RFC 7323 §4).
    /// </summary>
    private void MeasureRoundTrip(long ack, in TcpOptions options, uint clock, long now)
    {
        if (_timedEnd >= 0)
        {
            if (ack >= _timedEnd)
            {
                _rtt.Add(now - _timedAt);
                _timedEnd = -1;
            }
        }
        else if (_hasTimestamps && options.HasTimestamps)
        {
            var elapsed = clock - options.TimestampEcho;
            if (elapsed <= TcpTimes.MaxTimeout / TcpTimes.Millisecond)
            {
                _rtt.Add(elapsed * TcpTimes.Millisecond);
            }
        }
    }

    private void DetectLoss()
    {
        var lost = _hasSack && _sacked.Count > 0 ? _sacked.LostBelow(DuplicateThreshold, 2 * _segment) : long.MinValue;
        if (_tailProbeEnd >= 0 && _sacked.End >= _tailProbeEnd)
        {
            // The probe has arrived long after everything before it was sent, on a path that keeps the order.
            lost = _tailProbeEnd;
        }

        if (_recovery == Recovery.None)
        {
            if (_duplicates < DuplicateThreshold && lost <= _unacknowledged)
            {
                return;
            }

            _recovery = Recovery.Fast;
            _recoveryPoint = _next;
            _congestion.Lost(InFlight);
            _repeatedBelow = _unacknowledged;
            _lostBelow = Math.Min(_unacknowledged + _segment, _next);
            _repeatFirst = true;
            _undo = _hasTimestamps ? Undo.BeforeRepeat : Undo.None;
            StopTailProbe();
            ForgetRepeat();
        }

        _lostBelow = Math.Max(_lostBelow, lost);
        DetectLostRepeat();
    }

    /// <summary>The answer to the original has come, so nothing was lost (RFC 3522, RFC 4015).</summary>
    private void UndoLoss()
    {
        _context.Counters.Spurious++;
        _congestion.Undo();
        _recovery = Recovery.None;
        _duplicates = 0;
        _repeatFirst = false;
        ForgetRepeat();
        _lostBelow = _unacknowledged;
        _repeatedBelow = _unacknowledged;
    }

    private void EndTailProbe(long ack, in TcpOptions options, long flight)
    {
        if (_tailProbeEnd < 0 || ack < _tailProbeEnd)
        {
            return;
        }

        // The echo tells whether the probe has filled a hole, which congestion control must hear of (RFC 8985 §7.4).
        _tailProbeEnd = -1;
        var isRepair = options.HasTimestamps && (int)(options.TimestampEcho - _tailProbeTimestamp) >= 0;
        if (isRepair && !_tailProbeIsNew && _recovery == Recovery.None)
        {
            _congestion.Lost(flight);
        }
    }

    private long TakeSack(in TcpOptions options, long ack)
    {
        long total = 0;
        for (var i = 0; i < options.SackCount; i++)
        {
            // Blocks at or below the acknowledgment are reports of duplicates (RFC 2883), and others may be forged.
            var (start, end) = (Position(options[i].Start), Position(options[i].End));
            if (start > ack && start < end && end <= _next && _sacked.TryAdd(start, end, out var added))
            {
                total += added;
            }
        }

        return total;
    }

    /// <summary>RFC 9293 §3.10.7.4, fifth: true when the window's edge has moved.</summary>
    private bool TryUpdateWindow(in TcpSegment segment, long ack)
    {
        var order = (int)(segment.Sequence - _windowSequence);
        if (order < 0 || (order == 0 && ack < _windowAck))
        {
            return false;
        }

        var window = (long)segment.Window << _scale;
        var moved = ack + window != _edge;
        (_windowSequence, _windowAck, _edge) = (segment.Sequence, ack, ack + window);
        _maxWindow = Math.Max(_maxWindow, window);
        return moved;
    }

    private long Position(uint sequence) => _unacknowledged + (int)(sequence - (_origin + (uint)_unacknowledged));
}
