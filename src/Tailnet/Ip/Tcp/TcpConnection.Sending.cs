using Tailnet.Ip.Wire;

namespace Tailnet.Ip.Tcp;

/// <summary>Segments that go out: each is written into a region of the output, header and data.</summary>
internal sealed partial class TcpConnection
{
    // Without SACK the peer takes three duplicate acknowledgments for a loss, so it must get them although a batch needs only one.
    private const int MaxDuplicates = 3;

    /// <summary>Sends what may be sent, at most so many segments with data.</summary>
    public PumpResult Pump(IPacketOutput output, int segments, long now)
    {
        switch (State)
        {
            case TcpState.Closed:
                return SendFarewell(output, now);
            case TcpState.SynSent:
                return _synOwed ? SendSyn(output, now) : PumpResult.Done;
        }

        // Segments with data carry the acknowledgment, but have no room for SACK blocks.
        var report = _receiver!.AckNow && _receiver.Ranges > 0;
        var duplicates = _hasSack ? 1 : Math.Clamp(_receiver.Duplicates, 1, MaxDuplicates);
        var result = SendData(output, segments, now);
        if (result != PumpResult.Blocked)
        {
            result = SendAcknowledgments(output, report, duplicates, result, now);
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

    private PumpResult SendAcknowledgments(IPacketOutput output, bool report, int duplicates, PumpResult result, long now)
    {
        if (_keepAliveOwed && !TrySendEmpty(output, _sender!.Next - 1, now))
        {
            return PumpResult.Blocked;
        }

        _keepAliveOwed = false;
        if (!report && !_receiver!.AckNow && !_receiver.IsWindowUpdateDue)
        {
            return result;
        }

        for (; duplicates > 0; duplicates--)
        {
            if (!TrySendEmpty(output, _sender!.Next, now))
            {
                _receiver!.OweAck();
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
            _receiver!.Report(ref options, _hasTimestamps ? TcpOptions.MaxSackBlocksWithTimestamps : TcpOptions.MaxSackBlocks);
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
        _synOwed = false;
        _synSentAt = now;
        _synTimestamp = options.TimestampValue;
        return PumpResult.Done;
    }

    /// <summary>The last segment of a connection that has ended: an RST, or the acknowledgment of the peer's FIN.</summary>
    private PumpResult SendFarewell(IPacketOutput output, long now)
    {
        if (_farewell == TcpFlags.None)
        {
            return PumpResult.Done;
        }

        var packet = output.Begin();
        if (packet.IsEmpty)
        {
            return PumpResult.Blocked;
        }

        var flags = _farewell | TcpFlags.Ack;
        output.Commit(Write(packet, _sender!.Next, flags, Options(now), 0));
        _farewell = TcpFlags.None;
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
