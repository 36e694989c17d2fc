using Tailnet.Ip.Tcp;
using Tailnet.Ip.Wire;

namespace Tailnet.Ip;

/// <content>Packets of the agent, and the answers that belong to no connection.</content>
internal sealed partial class PeerHost
{
    /// <summary>Processes a packet that the WireGuard session of the agent has authenticated.</summary>
    public PacketVerdict Receive(ReadOnlySpan<byte> packet, long now)
    {
        if (!Ipv6Header.TryRead(packet, out var ip) || ip.Destination != Address || !_peers.Contains(ip.Source))
        {
            return PacketVerdict.BadIp;
        }

        return ip.Protocol switch
        {
            IpProtocol.Tcp => ReceiveTcp(packet, ip, now),
            IpProtocol.IcmpV6 => ReceiveIcmp(packet, ip, now),
            IpProtocol.Tsmp => ReceiveTsmp(packet, ip, now),
            _ => PacketVerdict.BadIp,
        };
    }

    private PacketVerdict ReceiveTcp(ReadOnlySpan<byte> packet, in Ipv6Header ip, long now)
    {
        if (TcpSegment.Read(packet, ip, out var segment) != SegmentStatus.Ok)
        {
            return PacketVerdict.BadPayload;
        }

        if (_connections.TryGetValue(segment.DestinationPort, out var connection)
            && connection.RemotePort == segment.SourcePort && connection.Remote == ip.Source)
        {
            connection.Receive(segment, now);
            if (connection.RoundTrip > 0)
            {
                RoundTrip = connection.RoundTrip;
            }

            return PacketVerdict.Taken;
        }

        if (segment.Has(TcpFlags.Rst))
        {
            return PacketVerdict.NoConnection;
        }

        if (_timeWait.TryFind(segment.DestinationPort, now, out var entry)
            && entry.RemotePort == segment.SourcePort && entry.Remote == ip.Source)
        {
            return TryAcknowledge(entry, now) ? PacketVerdict.Taken : PacketVerdict.RateLimited;
        }

        return TryRefuse(segment, ip.Source, now) ? PacketVerdict.NoConnection : PacketVerdict.RateLimited;
    }

    private PacketVerdict ReceiveIcmp(ReadOnlySpan<byte> packet, in Ipv6Header ip, long now)
    {
        switch (IcmpV6.Read(packet, ip, out var quoted))
        {
            case IcmpKind.Echo:
                if (!_echoLimit.TryTake(now))
                {
                    return PacketVerdict.RateLimited;
                }

                var answer = _output.Begin();
                if (!answer.IsEmpty)
                {
                    _output.Commit(IcmpV6.WriteEchoReply(answer, packet, ip));
                }

                return PacketVerdict.Taken;
            case IcmpKind.Unreachable:
                if (_connections.TryGetValue(quoted.SourcePort, out var connection)
                    && connection.RemotePort == quoted.DestinationPort && connection.Remote == quoted.Destination)
                {
                    connection.Unreachable(quoted.Sequence);
                    return PacketVerdict.Taken;
                }

                return PacketVerdict.NoConnection;
            case IcmpKind.TooBig:
                return PacketVerdict.Taken;
            default:
                return PacketVerdict.BadPayload;
        }
    }

    private PacketVerdict ReceiveTsmp(ReadOnlySpan<byte> packet, in Ipv6Header ip, long now)
    {
        switch (Tsmp.Read(packet, ip, out var data))
        {
            case TsmpKind.Ping:
                if (!_pongLimit.TryTake(now))
                {
                    return PacketVerdict.RateLimited;
                }

                var answer = _output.Begin();
                if (!answer.IsEmpty)
                {
                    _output.Commit(Tsmp.WritePong(answer, Address, ip.Source, data));
                }

                return PacketVerdict.Taken;
            case TsmpKind.Pong:
                if (Pings.Answered(data, now))
                {
                    RoundTrip = Pings.RoundTrip;
                }

                return PacketVerdict.Taken;
            default:
                return PacketVerdict.BadPayload;
        }
    }

    private bool TryAcknowledge(in TimeWaitEntry entry, long now)
    {
        if (!_resetLimit.TryTake(now))
        {
            return false;
        }

        var packet = _output.Begin();
        if (!packet.IsEmpty)
        {
            var header = new TcpHeader(entry.LocalPort, entry.RemotePort, entry.Sequence, entry.Acknowledgment, TcpFlags.Ack, 0);
            _output.Commit(header.Write(packet, Address, entry.Remote, entry.Timestamps, 0));
        }

        return true;
    }

    /// <summary>Answers a segment of no connection with an RST (RFC 9293 §3.10.7.1).</summary>
    private bool TryRefuse(in TcpSegment segment, in Ipv6Address remote, long now)
    {
        if (segment.Has(TcpFlags.Rst) || !_resetLimit.TryTake(now))
        {
            return false;
        }

        var packet = _output.Begin();
        if (!packet.IsEmpty)
        {
            var header = segment.Has(TcpFlags.Ack)
                ? new TcpHeader(segment.DestinationPort, segment.SourcePort, segment.Acknowledgment, 0, TcpFlags.Rst, 0)
                : new TcpHeader(
                    segment.DestinationPort, segment.SourcePort, 0, segment.Sequence + segment.Length, TcpFlags.Rst | TcpFlags.Ack, 0);
            _output.Commit(header.Write(packet, Address, remote, default, 0));
        }

        return true;
    }
}
