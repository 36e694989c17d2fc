namespace Tailnet.Ip.Tcp;

/// <summary>
/// Detection of lost retransmissions, which RFC 6675 leaves to the time-out. The path hardly reorders. When more than two segments' worth
/// of data that was first sent after a retransmission has arrived, the retransmission is lost. Only the oldest hole is tracked, because it
/// blocks the data after it.
/// </summary>
internal sealed partial class TcpSender
{
    // SND.NXT when the oldest hole was retransmitted, or when the hole became the oldest one.
    private long _retransmitMark = long.MaxValue;
    private bool _retransmitAgain;

    private void DetectLostRetransmit()
    {
        if (_hasSack && _retransmitMark < _next && _sacked.Covered(_retransmitMark, _next) > 2 * _segment)
        {
            _retransmitMark = long.MaxValue;
            _retransmitAgain = true;
        }
    }

    private bool TryPlanLostRetransmit(out SendPlan plan)
    {
        plan = default;
        if (!_retransmitAgain || !_sacked.TryFindGap(_unacknowledged, _next, out var start, out var end))
        {
            return false;
        }

        // The lost retransmission is still counted in flight, and this one replaces it. The congestion window is therefore not checked.
        plan = Segment(SendCause.Lost, start, _segment, end);
        return true;
    }

    private void NoteRetransmit(in SendPlan plan)
    {
        if (plan.Position == _unacknowledged)
        {
            _retransmitMark = _next;
            _retransmitAgain = false;
        }

        _retransmittedBelow = Math.Max(_retransmittedBelow, plan.End);
        _retransmitFirst = false;
    }

    private void NoteAdvance(long ack)
    {
        _retransmitMark = ack < _retransmittedBelow ? _next : long.MaxValue;
        _retransmitAgain = false;
    }

    private void ForgetRetransmit()
    {
        _retransmitMark = long.MaxValue;
        _retransmitAgain = false;
    }
}
