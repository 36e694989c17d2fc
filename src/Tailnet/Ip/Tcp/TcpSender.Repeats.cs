namespace Tailnet.Ip.Tcp;

/// <summary>
/// Repeats that were lost themselves, which RFC 6675 leaves to the time-out. When more than two segments that were first sent after the
/// repeat of the oldest hole have arrived, on a path that keeps the order the repeat has not. Only the oldest hole is followed; it is the
/// one that holds up the rest.
/// </summary>
internal sealed partial class TcpSender
{
    // SND.NXT when the oldest hole was repeated, or when it became the oldest one.
    private long _repeatMark = long.MaxValue;
    private bool _repeatAgain;

    private void DetectLostRepeat()
    {
        if (_hasSack && _repeatMark < _next && _sacked.Covered(_repeatMark, _next) > 2 * _segment)
        {
            _repeatMark = long.MaxValue;
            _repeatAgain = true;
        }
    }

    private bool TryPlanLostRepeat(out SendPlan plan)
    {
        plan = default;
        if (!_repeatAgain || !_sacked.TryFindGap(_unacknowledged, _next, out var start, out var end))
        {
            return false;
        }

        // It is counted in flight already, and the one of before has left the path: it needs no room in the congestion window.
        plan = Segment(SendCause.Lost, start, _segment, end);
        return true;
    }

    private void NoteRepeat(in SendPlan plan)
    {
        if (plan.Position == _unacknowledged)
        {
            _repeatMark = _next;
            _repeatAgain = false;
        }

        _repeatedBelow = Math.Max(_repeatedBelow, plan.End);
        _repeatFirst = false;
    }

    private void NoteAdvance(long ack)
    {
        _repeatMark = ack < _repeatedBelow ? _next : long.MaxValue;
        _repeatAgain = false;
    }

    private void ForgetRepeat()
    {
        _repeatMark = long.MaxValue;
        _repeatAgain = false;
    }
}
