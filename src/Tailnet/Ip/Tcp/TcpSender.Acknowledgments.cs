using Tailnet.Ip.Wire;

namespace Tailnet.Ip.Tcp;

/// <summary>
/// Processing of acknowledgments (RFC 9293 §3.10.7.4): loss recovery with SACK (RFC 6675) and without (RFC 6582), and the detection of
/// spurious retransmissions (RFC 3522).
/// </summary>
internal sealed partial class TcpSender
{
    private const int DuplicateThreshold = 3;

    private Recovery _recovery;
    private long _recoveryPoint;
    private int _duplicateAcks;
    private Undo _undo;
    private uint _undoTimestamp;
    private long _timedEnd = -1;
    private long _timedAt;

    // The states of loss recovery.
    private enum Recovery
    {
        None,
        Fast,
        Timeout,
    }

    // The states of Eifel detection: recovery has begun and nothing was retransmitted yet; or the first retransmission had the timestamp
    // _undoTimestamp, and an acknowledgment that echoes an earlier one proves that it was spurious.
    private enum Undo
    {
        None,
        BeforeRetransmit,
        Possible,
    }

    /// <summary>Whether the last segment acknowledged new data or the FIN.</summary>
    public bool HasAdvanced { get; private set; }

    /// <summary>
    /// Processes the acknowledgment, SACK blocks and window of a segment. False when the acknowledgment is out of range (RFC 5961 §5.2).
    /// </summary>
    /// <param name="segment">An acceptable segment with ACK.</param>
    /// <param name="clock">The timestamp clock in milliseconds.</param>
    /// <param name="now">The stack's clock in microseconds.</param>
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
            _duplicateAcks++;
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
            // The acknowledgment ends inside a SACK block, so the peer has reneged (RFC 2018 §8).
            _sacked.Clear();
        }

        NoteAdvance(ack);
        _lostBelow = Math.Max(_lostBelow, ack);
        _retransmittedBelow = Math.Max(_retransmittedBelow, ack);
        _expiries = 0;
        _stalledSince = InFlight > 0 ? now : TcpTimes.Never;

        var original = _hasTimestamps && options.HasTimestamps;
        if (_undo == Undo.BeforeRetransmit || (_undo == Undo.Possible && original && (int)(options.TimestampEcho - _undoTimestamp) < 0))
        {
            UndoLoss();
        }

        _undo = Undo.None;
        EndTailProbe(ack, options, flight);
        switch (_recovery)
        {
            case Recovery.None:
                _duplicateAcks = 0;
                if (_limitedByCongestion || (_congestion.IsSlowStart && 2 * flight >= _congestion.Window))
                {
                    _congestion.Acknowledged(acked, afterTimeout: false);
                }

                break;
            case var _ when ack >= _recoveryPoint:
                _recovery = Recovery.None;
                _duplicateAcks = 0;
                ForgetRetransmit();
                break;
            case Recovery.Timeout:
                _congestion.Acknowledged(acked, afterTimeout: true);
                break;
            case Recovery.Fast when !_hasSack:
                // After a partial acknowledgment the next segment counts as lost (RFC 6582 §3.2).
                _lostBelow = ack + _segment;
                _retransmittedBelow = ack;
                _retransmitFirst = true;
                _duplicateAcks = (int)Math.Max(0, _duplicateAcks - (acked / _segment) + 1);
                break;
        }

        ArmAfterAdvance(now);
    }

    /// <summary>
    /// Takes a round-trip sample. One segment in a round trip is timed by the clock. After a retransmission the echoed timestamp gives the
    /// sample (RFC 7323 §4).
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
            // A SACK block covers the tail-loss probe. The path hardly reorders, so everything unacknowledged before the probe is lost.
            lost = _tailProbeEnd;
        }

        if (_recovery == Recovery.None)
        {
            if (_duplicateAcks < DuplicateThreshold && lost <= _unacknowledged)
            {
                return;
            }

            _recovery = Recovery.Fast;
            _recoveryPoint = _next;
            _congestion.Lost(InFlight);
            _retransmittedBelow = _unacknowledged;
            _lostBelow = Math.Min(_unacknowledged + _segment, _next);
            _retransmitFirst = true;
            _undo = _hasTimestamps ? Undo.BeforeRetransmit : Undo.None;
            StopTailProbe();
            ForgetRetransmit();
        }

        _lostBelow = Math.Max(_lostBelow, lost);
        DetectLostRetransmit();
    }

    /// <summary>
    /// Ends the recovery, because the original data was acknowledged and the retransmission was spurious (RFC 3522, RFC 4015).
    /// </summary>
    private void UndoLoss()
    {
        _context.Counters.Spurious++;
        _congestion.Undo();
        _recovery = Recovery.None;
        _duplicateAcks = 0;
        _retransmitFirst = false;
        ForgetRetransmit();
        _lostBelow = _unacknowledged;
        _retransmittedBelow = _unacknowledged;
    }

    private void EndTailProbe(long ack, in TcpOptions options, long flight)
    {
        if (_tailProbeEnd < 0 || ack < _tailProbeEnd)
        {
            return;
        }

        // An echo of the probe's timestamp means that the probe has repaired a loss, which congestion control must count (RFC 8985 §7.4).
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
            // A block at or below the acknowledgment is a DSACK (RFC 2883), which is ignored. Other invalid blocks may be forged.
            var (start, end) = (Position(options[i].Start), Position(options[i].End));
            if (start > ack && start < end && end <= _next && _sacked.TryAdd(start, end, out var added))
            {
                total += added;
            }
        }

        return total;
    }

    /// <summary>Updates the send window (RFC 9293 §3.10.7.4, fifth). True when its edge has moved.</summary>
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
