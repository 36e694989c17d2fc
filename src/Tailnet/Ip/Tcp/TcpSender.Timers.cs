namespace Tailnet.Ip.Tcp;

/// <summary>
/// The timer of the sending half, which serves retransmission (RFC 6298), tail-loss probe (RFC 8985 §7) or zero-window probe; and the limit
/// of time without an acknowledgment. Times are microseconds of the stack's clock.
/// </summary>
internal sealed partial class TcpSender
{
    // An unanswered zero-window probe is sent again after this time. Otherwise few lost probes would end the connection.
    private const long UnansweredProbe = 5 * TcpTimes.Second;

    private Timer _timer;
    private long _due = TcpTimes.Never;
    private int _expiries;
    private long _stalledSince = TcpTimes.Never;

    private bool _tailProbeDue;
    private bool _tailProbeIsNew;
    private long _tailProbeEnd = -1;
    private uint _tailProbeTimestamp;

    private bool _windowProbeDue;
    private bool _isProbingWindow;
    private bool _swsOverride;
    private int _windowProbes;

    private enum Timer
    {
        None,
        Retransmit,
        TailProbe,
        Persist,
    }

    /// <summary>Time of the next <see cref="TryTick"/>, in microseconds.</summary>
    public long Deadline => Math.Min(_due, _stalledSince == TcpTimes.Never ? TcpTimes.Never : _stalledSince + TcpTimes.UserTimeout);

    /// <summary>Whether a timer of the sender runs or data is in flight, so that the sender detects a dead peer itself.</summary>
    public bool IsWaiting => _timer != Timer.None || InFlight > 0;

    /// <summary>Handles the timer when it has expired. False when the peer has acknowledged nothing for 30 seconds.</summary>
    public bool TryTick(long now)
    {
        if (_stalledSince != TcpTimes.Never && now - _stalledSince >= TcpTimes.UserTimeout)
        {
            return false;
        }

        if (now < _due)
        {
            return true;
        }

        switch (_timer)
        {
            case Timer.TailProbe:
                _tailProbeDue = true;
                Arm(Timer.Retransmit, now + _rtt.Timeout);
                break;
            case Timer.Retransmit:
                TimeOut(now);
                break;
            case Timer.Persist:
                _windowProbes++;
                _swsOverride = !_isProbingWindow && _edge > _next;
                _windowProbeDue = !_swsOverride;
                Arm(Timer.Persist, now + UnansweredProbe);
                break;
        }

        return true;
    }

    private void TimeOut(long now)
    {
        var repeated = _expiries > 0;
        _expiries++;
        _congestion.TimedOut(InFlight, repeated);
        if (repeated)
        {
            // The peer may have reneged (RFC 2018 §8).
            _sacked.Clear();
        }
        else
        {
            _undo = _hasTimestamps ? Undo.BeforeRetransmit : Undo.None;
        }

        _recovery = Recovery.Timeout;
        _recoveryPoint = _next;
        _lostBelow = _next;
        _retransmittedBelow = _unacknowledged;
        _duplicateAcks = 0;
        _retransmitFirst = true;
        StopTailProbe();
        ForgetRetransmit();
        Arm(Timer.Retransmit, now + _rtt.BackedOff(_expiries, TcpTimes.MaxBackOff));
    }

    private void ArmAfterSending(SendCause cause, long now)
    {
        switch (cause)
        {
            case SendCause.WindowProbe:
                Arm(Timer.Persist, now + Math.Min(UnansweredProbe, _rtt.BackedOff(_windowProbes, TcpTimes.MaxTimeout)));
                break;
            case SendCause.TailProbe:
                Arm(Timer.Retransmit, now + _rtt.Timeout);
                break;
            case SendCause.Lost when _timer != Timer.Retransmit:
                Arm(Timer.Retransmit, now + _rtt.BackedOff(_expiries, TcpTimes.MaxBackOff));
                break;
            case SendCause.New when _timer != Timer.Retransmit && !_isProbingWindow:
                ArmRetransmit(now);
                break;
        }
    }

    private void ArmAfterAdvance(long now)
    {
        _tailProbeDue = false;
        if (InFlight == 0)
        {
            _isProbingWindow = false;
            Arm(Timer.None, TcpTimes.Never);
        }
        else
        {
            ArmRetransmit(now);
        }
    }

    /// <summary>Updates the probe state and the timer for the peer's window, which has opened or is still zero.</summary>
    private void FollowWindow(long now)
    {
        if (_edge > _next)
        {
            _windowProbes = 0;
            _windowProbeDue = false;
            if (_isProbingWindow)
            {
                // The peer has dropped the byte of the probe, so that byte is retransmitted with the data after it.
                _isProbingWindow = false;
                _lostBelow = _next;
                _retransmittedBelow = _unacknowledged;
                ArmRetransmit(now);
            }
            else if (_timer == Timer.Persist)
            {
                Arm(Timer.None, TcpTimes.Never);
            }
        }
        else if (_edge <= _unacknowledged)
        {
            _stalledSince = TcpTimes.Never;
            if (_isProbingWindow)
            {
                Arm(Timer.Persist, now + _rtt.BackedOff(_windowProbes, TcpTimes.MaxTimeout));
            }
        }
    }

    private void ArmPersist(long now) => Arm(Timer.Persist, now + _rtt.BackedOff(_windowProbes, TcpTimes.MaxTimeout));

    private void ArmRetransmit(long now)
    {
        var timeout = _rtt.BackedOff(_expiries, TcpTimes.MaxBackOff);
        var probe = Math.Max(2 * _rtt.Smoothed, TcpTimes.MinTailProbe);
        var probes = _recovery == Recovery.None && _expiries == 0 && _tailProbeEnd < 0 && _rtt.Smoothed > 0 && probe < timeout;
        Arm(probes ? Timer.TailProbe : Timer.Retransmit, now + (probes ? probe : timeout));
    }

    private void StopTailProbe()
    {
        _tailProbeDue = false;
        _tailProbeEnd = -1;
        if (_timer == Timer.TailProbe)
        {
            Arm(Timer.None, TcpTimes.Never);
        }
    }

    private void Arm(Timer timer, long due) => (_timer, _due) = (timer, due);
}
