namespace Tailnet.Ip.Tcp;

/// <summary>
/// The one timer of the sending half: retransmission (RFC 6298), tail-loss probe (RFC 8985 §7) or zero-window probe; and the limit of
/// patience.
/// </summary>
internal sealed partial class TcpSender
{
    // A probe that is not answered is repeated soon: it may be lost, and a lost probe must not look like a lost peer.
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
    private bool _sendsSmall;
    private int _windowProbes;

    private enum Timer
    {
        None,
        Retransmit,
        TailProbe,
        Persist,
    }

    /// <summary>When <see cref="TryTick"/> is to be called next.</summary>
    public long Deadline => Math.Min(_due, _stalledSince == TcpTimes.Never ? TcpTimes.Never : _stalledSince + TcpTimes.GiveUp);

    /// <summary>The sender waits for the peer, and will notice when it is gone.</summary>
    public bool IsWaiting => _timer != Timer.None || InFlight > 0;

    /// <summary>Handles a timer that is due. False when the peer has acknowledged nothing for too long.</summary>
    public bool TryTick(long now)
    {
        if (_stalledSince != TcpTimes.Never && now - _stalledSince >= TcpTimes.GiveUp)
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
                _sendsSmall = !_isProbingWindow && _edge > _next;
                _windowProbeDue = !_sendsSmall;
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
            // The peer may have thrown away what it reported (RFC 2018 §8).
            _sacked.Clear();
        }
        else
        {
            _undo = _hasTimestamps ? Undo.BeforeRepeat : Undo.None;
        }

        _recovery = Recovery.Timeout;
        _recoveryPoint = _next;
        _lostBelow = _next;
        _repeatedBelow = _unacknowledged;
        _duplicates = 0;
        _repeatFirst = true;
        StopTailProbe();
        ForgetRepeat();
        Arm(Timer.Retransmit, now + _rtt.Backed(_expiries, TcpTimes.MaxBackOff));
    }

    private void ArmAfterSending(SendCause cause, long now)
    {
        switch (cause)
        {
            case SendCause.WindowProbe:
                Arm(Timer.Persist, now + Math.Min(UnansweredProbe, _rtt.Backed(_windowProbes, TcpTimes.MaxTimeout)));
                break;
            case SendCause.TailProbe:
                Arm(Timer.Retransmit, now + _rtt.Timeout);
                break;
            case SendCause.Lost when _timer != Timer.Retransmit:
                Arm(Timer.Retransmit, now + _rtt.Backed(_expiries, TcpTimes.MaxBackOff));
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

    /// <summary>The peer's window has opened, or the peer has answered that it has not.</summary>
    private void FollowWindow(long now)
    {
        if (_edge > _next)
        {
            _windowProbes = 0;
            _windowProbeDue = false;
            if (_isProbingWindow)
            {
                // The peer has not taken the byte of the probe, so that byte goes out again with what follows it.
                _isProbingWindow = false;
                _lostBelow = _next;
                _repeatedBelow = _unacknowledged;
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
                Arm(Timer.Persist, now + _rtt.Backed(_windowProbes, TcpTimes.MaxTimeout));
            }
        }
    }

    private void ArmPersist(long now) => Arm(Timer.Persist, now + _rtt.Backed(_windowProbes, TcpTimes.MaxTimeout));

    private void ArmRetransmit(long now)
    {
        var timeout = _rtt.Backed(_expiries, TcpTimes.MaxBackOff);
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
