using Tailnet.Ip.Wire;

namespace Tailnet.Ip.Tcp;

/// <summary>Sending: the connection writes each segment, header and data, into a region of the output.</summary>
internal sealed partial class TcpConnection
{
    // A peer without SACK detects a loss by three duplicate ACKs, so a batch of out-of-order segments must cause more than one.
    private const int MaxDuplicateAcks = 3;

    /// <summary>Sends what may be sent now, with at most <paramref name="segments"/> segments with data.</summary>
    public PumpResult Pump(IPacketOutput output, int segments, long now)
    {
        switch (State)
        {
            case TcpState.Closed:
                return SendFinalSegment(output, now);
            case TcpState.SynSent:
                return _synPending ? SendSyn(output, now) : PumpResult.Done;
        }

        // A segment with data carries the acknowledgment, but no SACK blocks.
        var hasSackBlocks = _receiver!.AckNow && _receiver.Ranges > 0;
        var duplicateAcks = _hasSack ? 1 : Math.Clamp(_receiver.DuplicateAcks, 1, MaxDuplicateAcks);
        var result = SendData(output, segments, now);
        if (result != PumpResult.Blocked)
        {
            result = SendAcknowledgments(output, hasSackBlocks, duplicateAcks, result, now);
        }

        if (_receiver.AckLater && _ackDue == TcpTimes.Never)
        {
            _ackDue = now + TcpTimes.DelayedAck;
        }

        ReportFlight();
        UpdateDeadline();
        if (result == PumpResult.Done && _sender!.HasUnsent && _host.Allowance < TcpTimes.MaxSegment)
        {
            _host.AwaitAllowance(this);
        }

        return result;
    }

    private PumpResult SendData(IPacketOutput output, int segments, long now)
    {
        var allowance = _host.Allowance;
        while (_sender!.TryPlan(allowance, now, out var plan))
        {
            if (segments-- == 0)
            {
                return PumpResult.More;
            }

            var packet = output.Begin();
            if (packet.IsEmpty)
            {
                return PumpResult.Blocked;
            }

            var options = Options(now);
            _sender.Read(plan, packet[TcpHeader.PayloadOffset(options)..]);
            var flags = TcpFlags.Ack | (plan.Push ? TcpFlags.Psh : 0) | (plan.Fin ? TcpFlags.Fin : 0);
            output.Commit(Write(packet, _sender.Sequence(plan.Position), flags, options, plan.Length));
            allowance -= Math.Max(0, plan.End - plan.Position);
            _sender.Sent(plan, options.TimestampValue, now);
            Acknowledged();
        }

        return PumpResult.Done;
    }

    private PumpResult SendAcknowledgments(IPacketOutput output, bool hasSackBlocks, int duplicateAcks, PumpResult result, long now)
    {
        if (_keepAlivePending && !TrySendEmpty(output, _sender!.Next - 1, now))
        {
            return PumpResult.Blocked;
        }

        _keepAlivePending = false;
        if (!hasSackBlocks && !_receiver!.AckNow && !_receiver.IsWindowUpdateDue)
        {
            return result;
        }

        for (; duplicateAcks > 0; duplicateAcks--)
        {
            if (!TrySendEmpty(output, _sender!.Next, now))
            {
                _receiver!.RequestAck();
                return PumpResult.Blocked;
            }

            Acknowledged();
        }

        return result;
    }

    private bool TrySendEmpty(IPacketOutput output, uint sequence, long now)
    {
        var packet = output.Begin();
        if (packet.IsEmpty)
        {
            return false;
        }

        var options = Options(now);
        if (_hasSack)
        {
            _receiver!.AddSackBlocks(ref options, _hasTimestamps ? TcpOptions.MaxSackBlocksWithTimestamps : TcpOptions.MaxSackBlocks);
        }

        output.Commit(Write(packet, sequence, TcpFlags.Ack, options, 0));
        return true;
    }

    private PumpResult SendSyn(IPacketOutput output, long now)
    {
        var packet = output.Begin();
        if (packet.IsEmpty)
        {
            return PumpResult.Blocked;
        }

        var options = new TcpOptions
        {
            MaxSegmentSize = TcpTimes.MaxSegment,
            WindowScale = TcpTimes.WindowScale,
            SackPermitted = true,
            HasTimestamps = true,
            TimestampValue = Clock(now),
        };
        var window = (ushort)Math.Min(ushort.MaxValue, _settings.ReceiveWindow);
        var header = new TcpHeader(LocalPort, RemotePort, _initialSequence, 0, TcpFlags.Syn, window);
        output.Commit(header.Write(packet, _host.Address, Remote, options, 0));
        _synPending = false;
        _synSentAt = now;
        _synTimestamp = options.TimestampValue;
        return PumpResult.Done;
    }

    /// <summary>Sends the last segment of a closed connection: an RST, or the acknowledgment of the peer's FIN.</summary>
    private PumpResult SendFinalSegment(IPacketOutput output, long now)
    {
        if (_finalFlags == TcpFlags.None)
        {
            return PumpResult.Done;
        }

        var packet = output.Begin();
        if (packet.IsEmpty)
        {
            return PumpResult.Blocked;
        }

        var flags = _finalFlags | TcpFlags.Ack;
        output.Commit(Write(packet, _sender!.Next, flags, Options(now), 0));
        _finalFlags = TcpFlags.None;
        return PumpResult.Done;
    }

    private int Write(Span<byte> packet, uint sequence, TcpFlags flags, in TcpOptions options, int length)
    {
        var header = new TcpHeader(LocalPort, RemotePort, sequence, _receiver!.Next, flags, _receiver.Window());
        return header.Write(packet, _host.Address, Remote, options, length);
    }

    private TcpOptions Options(long now) => _hasTimestamps
        ? new TcpOptions { HasTimestamps = true, TimestampValue = Clock(now), TimestampEcho = _recentTimestamp }
        : default;

    private void Acknowledged()
    {
        _receiver!.Acknowledged();
        _ackDue = TcpTimes.Never;
    }
}
