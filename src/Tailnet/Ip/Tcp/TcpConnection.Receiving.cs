using Tailnet.Ip.Wire;

namespace Tailnet.Ip.Tcp;

/// <summary>Processing of received segments: the checks of RFC 9293 §3.10.7 in their order, with RFC 7323 §5.3 and RFC 5961.</summary>
internal sealed partial class TcpConnection
{
    // Every IPv6 node can receive segments of 1,220 bytes. The minimum keeps a hostile MSS from causing many tiny segments.
    private const int MinSegment = 536;
    private const int TimestampBytes = 12;

    private long _outOfWindowAnswered = -TcpTimes.OutOfWindowAck;

    /// <summary>Processes a segment whose addresses and ports are those of this connection.</summary>
    public void Receive(in TcpSegment segment, long now)
    {
        if (State == TcpState.SynSent)
        {
            ReceiveSynSent(segment, now);
        }
        else if (State != TcpState.Closed)
        {
            ReceiveSynchronized(segment, now);
        }

        if (State != TcpState.Closed)
        {
            ReportFlight();
            UpdateDeadline();
            _host.Ready(this);
        }
    }

    /// <summary>Processes an ICMPv6 error that quotes a segment. It ends the connection only if it quotes the SYN (RFC 5927 §4).</summary>
    public void Unreachable(uint sequence)
    {
        if (State == TcpState.SynSent && sequence == _initialSequence)
        {
            End(TcpCloseReason.Unreachable, TcpFlags.None);
        }
    }

    private void ReceiveSynSent(in TcpSegment segment, long now)
    {
        var acknowledges = segment.Has(TcpFlags.Ack) && segment.Acknowledgment == _initialSequence + 1;
        if (segment.Has(TcpFlags.Ack) && !acknowledges)
        {
            // The segment belongs to an earlier connection on the same ports.
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

        // After a retransmission of the SYN, only a SYN-ACK that echoes the timestamp of the last SYN gives a sample. A SYN-ACK for an
        // earlier SYN may itself be a retransmission.
        var rtt = new RttEstimator();
        var lostSyn = _synExpiries > 0;
        if (!lostSyn || (_hasTimestamps && options.TimestampEcho == _synTimestamp))
        {
            rtt.Add(now - _synSentAt);
        }

        rtt.SetTimeoutAfterSyn();
        var segmentSize = Math.Clamp((int)(options.MaxSegmentSize ?? TcpTimes.MaxSegment), MinSegment, TcpTimes.MaxSegment)
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
        _synPending = false;
        RestartKeepAlive(now);
        _receiver.RequestAck();
        _context.Complete(Stream);
    }

    private void ReceiveSynchronized(in TcpSegment segment, long now)
    {
        var (receiver, sender) = (_receiver!, _sender!);
        var isReset = segment.Has(TcpFlags.Rst);
        if (!PassesPaws(segment, isReset, now))
        {
            return;
        }

        if (!receiver.IsAcceptable(segment.Sequence, segment.Length))
        {
            _context.Counters.Unacceptable++;
            if (!isReset)
            {
                // Keep-alive and zero-window probes of the peer also get here, because they lie below the window.
                RestartKeepAlive(now);
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

        RestartKeepAlive(now);
        if (_hasTimestamps && receiver.UpdatesTimestamp(segment.Sequence) && (int)(segment.Options.TimestampValue - _recentTimestamp) >= 0)
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
            _closeDeadline = now + TcpTimes.OrphanTimeout;
        }

        if (Stream.IsWriting && Room > 0)
        {
            ContinueWrite(poolIsFull: false);
        }

        if (_sender!.IsFinished)
        {
            switch (State)
            {
                case TcpState.FinWait1:
                    State = TcpState.FinWait2;
                    break;
                case TcpState.Closing:
                    End(TcpCloseReason.Completed, TcpFlags.None, timeWait: true);
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
                    End(TcpCloseReason.Completed, TcpFlags.Ack, timeWait: true);
                    break;
            }
        }
    }

    /// <summary>Protection against wrapped sequence numbers, PAWS (RFC 7323 §5.3).</summary>
    private bool PassesPaws(in TcpSegment segment, bool isReset, long now)
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

    /// <summary>
    /// Acknowledges an unacceptable segment. The answer to data or a FIN helps a peer that has missed an acknowledgment. Answers to other
    /// segments are limited, because two stacks could otherwise answer each other without end.
    /// </summary>
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

        _receiver!.RequestAck();
    }

    private void Challenge(long now)
    {
        if (_context.Challenges.TryTake(now))
        {
            _receiver!.RequestAck();
        }
    }

    private void RestartKeepAlive(long now)
    {
        _keepAliveProbes = 0;
        _keepAliveDue = _settings.KeepAlive ? now + TcpTimes.KeepAliveIdle : TcpTimes.Never;
    }
}
