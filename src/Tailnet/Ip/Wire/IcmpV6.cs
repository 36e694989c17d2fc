using System.Buffers.Binary;

namespace Tailnet.Ip.Wire;

/// <summary>The ICMPv6 messages that this node handles.</summary>
internal enum IcmpKind
{
    /// <summary>A malformed message or an unsupported type: it is dropped.</summary>
    None = 0,

    /// <summary>An echo request (type 128).</summary>
    Echo,

    /// <summary>Destination unreachable (type 1), for a packet of this node.</summary>
    Unreachable,

    /// <summary>Packet too big (type 2), for a packet of this node. The MTU is already the minimum of IPv6, so it is ignored.</summary>
    TooBig,
}

/// <summary>The start of this node's TCP packet that an ICMPv6 error quotes.</summary>
/// <param name="Destination">The destination address of the packet.</param>
/// <param name="SourcePort">This side's port.</param>
/// <param name="DestinationPort">The peer's port.</param>
/// <param name="Sequence">The segment's sequence number.</param>
internal readonly record struct QuotedSegment(Ipv6Address Destination, ushort SourcePort, ushort DestinationPort, uint Sequence);

/// <summary>ICMPv6 (RFC 4443): echo requests and their replies, and the two errors that concern TCP.</summary>
internal static class IcmpV6
{
    private const byte UnreachableType = 1;
    private const byte TooBigType = 2;
    private const byte EchoRequest = 128;
    private const byte EchoReply = 129;
    private const int HeaderLength = 8;

    /// <summary>Reads a message, and verifies its checksum.</summary>
    /// <param name="packet">The packet from its IPv6 header.</param>
    /// <param name="ip">The IPv6 header of the packet.</param>
    /// <param name="quoted">For errors, the segment that the error quotes.</param>
    public static IcmpKind Read(ReadOnlySpan<byte> packet, in Ipv6Header ip, out QuotedSegment quoted)
    {
        quoted = default;
        var message = packet.Slice(Ipv6Header.Size, ip.PayloadLength);
        if (message.Length < HeaderLength
            || !Checksum.IsValid(Checksum.Add(Checksum.PseudoHeader(packet, IpProtocol.IcmpV6, message.Length), message)))
        {
            return IcmpKind.None;
        }

        switch (message[0])
        {
            case EchoRequest when message[1] == 0:
                return IcmpKind.Echo;
            case UnreachableType:
                return TryReadQuote(message[HeaderLength..], ip.Destination, out quoted) ? IcmpKind.Unreachable : IcmpKind.None;
            case TooBigType:
                return TryReadQuote(message[HeaderLength..], ip.Destination, out quoted) ? IcmpKind.TooBig : IcmpKind.None;
            default:
                return IcmpKind.None;
        }
    }

    /// <summary>Writes the reply to an echo request that <see cref="Read"/> has verified.</summary>
    /// <returns>The packet's length in bytes; 0 when it does not fit.</returns>
    public static int WriteEchoReply(Span<byte> destination, ReadOnlySpan<byte> request, in Ipv6Header ip)
    {
        var length = Ipv6Header.Size + ip.PayloadLength;
        if (length > destination.Length || length > Ipv6Header.Mtu)
        {
            return 0;
        }

        request[..length].CopyTo(destination);
        new Ipv6Header(IpProtocol.IcmpV6, ip.PayloadLength, ip.Destination, ip.Source).Write(destination);

        // The exchange of the two addresses does not change the checksum, so only the type needs an update.
        var message = destination[Ipv6Header.Size..length];
        message[0] = EchoReply;
        var checksum = BinaryPrimitives.ReadUInt16BigEndian(message[2..]);
        BinaryPrimitives.WriteUInt16BigEndian(message[2..], Checksum.Update(checksum, EchoRequest << 8, EchoReply << 8));
        return length;
    }

    private static bool TryReadQuote(ReadOnlySpan<byte> packet, in Ipv6Address self, out QuotedSegment quoted)
    {
        quoted = default;

        // The error may quote only the start of the packet, so the length field is not checked.
        if (packet.Length < Ipv6Header.Size + HeaderLength || packet[0] >> 4 != 6 || packet[6] != (byte)IpProtocol.Tcp
            || Ipv6Address.Read(packet[8..]) != self)
        {
            return false;
        }

        var segment = packet[Ipv6Header.Size..];
        quoted = new QuotedSegment(
            Ipv6Address.Read(packet[24..]),
            BinaryPrimitives.ReadUInt16BigEndian(segment),
            BinaryPrimitives.ReadUInt16BigEndian(segment[2..]),
            BinaryPrimitives.ReadUInt32BigEndian(segment[4..]));
        return true;
    }
}
