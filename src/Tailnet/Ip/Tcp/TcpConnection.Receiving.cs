using Tailnet.Ip.Wire;

namespace Tailnet.Ip.Tcp;

/// <summary>Segments that arrive, in the order of checks of RFC 9293 §3.10.7 with RFC 7323 §5.3 and RFC 5961.</summary>
internal sealed partial class TcpConnection
{
    // Every IPv6 node takes 1,220 bytes, so a peer that says less only wants many small segments of this side.
    private const int LeastSegment = 536;
    private const int TimestampBytes = 12;

    private long _outOfWindowAnswered = -TcpTimes.OutOfWindowAck;

    /// <summary>Takes a segment for this connection.</summary>
    public void Receive(in TcpSegment segment, long now)
    {
        if (State == TcpState.SynSent)
        {
            ReceiveAnswer(segment, now);
        }
        else if (State != TcpState.Closed)
        {
            ReceiveOpen(segment, now);
        }

        if (State != TcpState.Closed)
        {
            ReportFlight();
            UpdateDeadline();
            _host.Ready(this);
        }
    }

    /// <summary>An ICMPv6 error quotes a segment of this connection. Only a SYN may fail by it (RFC 5927 §4).</summary>
    public void Unreachable(uint sequence)
    {
        if (State == TcpState.SynSent && sequence == _initialSequence)
        {
            End(TcpCloseReason.Unreachable, TcpFlags.None);
        }
    }

    private void ReceiveAnswer(in TcpSegment segment, long now)
    {
        var acknowledges = segment.Has(TcpFlags.Ack) && segment.Acknowledgment == _initialSequence + 1;
        if (segment.Has(TcpFlags.Ack) && !acknowledges)
        {
            // What is left of an old connection on the same ports.
            _context.Counters.Unacceptable++;
            _host.Refuse(segment, Remote, now);
        }
        else if (segment.Has(TcpFlags.Rst) && acknowledges)
        {
            End(TcpCloseReason.Refused, TcpFlags.None);
        }
        else if (segment.Has(TcpFlags.Syn) && acknowledges)
        {
            Establish(segment, now);
        }
        else
        {
            _context.Counters.Unacceptable++;
        }
    }

    private void Establish(in TcpSegment segment, long now)
    {
        ref readonly var options = ref segment.Options;
        _hasSack = options.SackPermitted;
        _hasTimestamps = options.HasTimestamps;
        (_recentTimestamp, _recentAt) = (options.TimestampValue, now);

        // Of several SYNs only the last gives a sample, when the echo tells that it was answered: the answer to an earlier one may itself
        // be a repeat.
        var rtt = new RttEstimator();
        var lostSyn = _synExpiries > 0;
        if (!lostSyn || (_hasTimestamps && options.TimestampEcho == _synTimestamp))
        {
            rtt.Add(now - _synSentAt);
        }

        rtt.NoSampleFromSyn();
        var segmentSize = Math.Clamp((int)(options.MaxSegmentSize ?? TcpTimes.MaxSegment), LeastSegment, TcpTimes.MaxSegment)
            - (_hasTimestamps ? TimestampBytes : 0);
        _receiver = new TcpReceiver(
            _context, segment.Sequence + 1, _settings.ReceiveWindow, options.WindowScale is null ? 0 : TcpTimes.WindowScale, segmentSize);
        _sender = new TcpSender(
            _context,
            new TcpSenderSetup(
                _initialSequence + 1,
                segmentSize,
                options.WindowScale ?? 0,
                segment.Window,
                segment.Sequence,
                _hasSack,
                _hasTimestamps,
                lostSyn,
                rtt),
            _settings.SendBuffer,
            now);
        State = TcpState.Established;
        _synOwed = false;
        Heard(now);
        _receiver.OweAck();
        _context.Complete(Stream);
    }

    private void ReceiveOpen(in TcpSegment segment, long now)
    {
        var (receiver, sender) = (_receiver!, _sender!);
        var isReset = segment.Has(TcpFlags.Rst);
        if (!IsFresh(segment, isReset, now))
        {
            return;
        }

        if (!receiver.IsAcceptable(segment.Sequence, segment.Length))
        {
            _context.Counters.Unacceptable++;
            if (!isReset)
            {
                // Also the peer's keep-alive and zero-window probes, which lie below the window.
                Heard(now);
                AnswerOutOfWindow(segment, now);
            }

            return;
        }

        if (isReset)
        {
            if (segment.Sequence == receiver.Next)
            {
                End(TcpCloseReason.Reset, TcpFlags.None);
            }
            else if (receiver.IsInWindow(segment.Sequence))
            {
                Challenge(now);
            }

            return;
        }

        if (segment.Has(TcpFlags.Syn))
        {
            Challenge(now);
            return;
        }

        if (!segment.Has(TcpFlags.Ack))
        {
            _context.Counters.Unacceptable++;
            return;
        }

        if (!sender.TryAcknowledge(segment, Clock(now), now))
        {
            _context.Counters.Unacceptable++;
            Challenge(now);
            return;
        }

        Heard(now);
        if (_hasTimestamps && receiver.IsNotBeyond(segment.Sequence) && (int)(segment.Options.TimestampValue - _recentTimestamp) >= 0)
        {
            (_recentTimestamp, _recentAt) = (segment.Options.TimestampValue, now);
        }

        if (sender.HasAdvanced)
        {
            FollowAcknowledgment(now);
        }

        if (State != TcpState.Closed && (segment.Payload.Length > 0 || segment.Has(TcpFlags.Fin)))
        {
            TakeData(segment);
        }
    }

    private void FollowAcknowledgment(long now)
    {
        if (_isOrphan)
        {
            _closeBy = now + TcpTimes.FinWait2;
        }

        if (Stream.IsWriting && Room > 0)
        {
            AwaitRoom(starved: false);
        }

        if (_sender!.IsFinished)
        {
            switch (State)
            {
                case TcpState.FinWait1:
                    State = TcpState.FinWait2;
                    break;
                case TcpState.Closing:
                    End(TcpCloseReason.Completed, TcpFlags.None, rests: true);
                    break;
                case TcpState.LastAck:
                    End(TcpCloseReason.Completed, TcpFlags.None);
                    break;
            }
        }
    }

    private void TakeData(in TcpSegment segment)
    {
        var receiver = _receiver!;
        if (_isOrphan && segment.Payload.Length > 0)
        {
            End(TcpCloseReason.LocalAbort, TcpFlags.Rst);
            return;
        }

        var wasFinished = receiver.IsFinished;
        if (receiver.Take(segment.Sequence, segment.Payload, segment.Has(TcpFlags.Fin), segment.Has(TcpFlags.Psh)))
        {
            _context.Complete(Stream);
        }

        if (receiver.IsFinished && !wasFinished)
        {
            switch (State)
            {
                case TcpState.Established:
                    State = TcpState.CloseWait;
                    break;
                case TcpState.FinWait1:
                    State = TcpState.Closing;
                    break;
                case TcpState.FinWait2:
                    End(TcpCloseReason.Completed, TcpFlags.Ack, rests: true);
                    break;
            }
        }
    }

    /// <summary>Protection against wrapped sequence numbers (RFC 7323 §5.3).</summary>
    private bool IsFresh(in TcpSegment segment, bool isReset, long now)
    {
        if (!_hasTimestamps || isReset)
        {
            return true;
        }

        if (!segment.Options.HasTimestamps)
        {
            _context.Counters.Unacceptable++;
            return false;
        }

        if ((int)(segment.Options.TimestampValue - _recentTimestamp) < 0 && now - _recentAt < TcpTimes.TimestampsExpire)
        {
            _context.Counters.Unacceptable++;
            AnswerOutOfWindow(segment, now);
            return false;
        }

        return true;
    }

    /// <summary>Answers to segments with data help a peer whose acknowledgment was lost. Others could answer each other for ever.</summary>
    private void AnswerOutOfWindow(in TcpSegment segment, long now)
    {
        if (segment.Payload.Length == 0 && !segment.Has(TcpFlags.Fin))
        {
            if (now - _outOfWindowAnswered < TcpTimes.OutOfWindowAck)
            {
                return;
            }

            _outOfWindowAnswered = now;
        }

        _receiver!.OweAck();
    }

    private void Challenge(long now)
    {
        if (_context.Challenges.TryTake(now))
        {
            _receiver!.OweAck();
        }
    }

    private void Heard(long now)
    {
        _keepAliveProbes = 0;
        _keepAliveDue = _settings.KeepAlive ? now + TcpTimes.KeepAliveIdle : TcpTimes.Never;
    }
}
