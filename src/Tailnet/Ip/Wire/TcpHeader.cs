using System.Buffers.Binary;

namespace Tailnet.Ip.Wire;

/// <summary>The fields of a TCP header to write.</summary>
/// <param name="SourcePort">This side's port.</param>
/// <param name="DestinationPort">The peer's port.</param>
/// <param name="Sequence">The sequence number of the first payload byte, or of the SYN.</param>
/// <param name="Acknowledgment">The next sequence number expected; written only with <see cref="TcpFlags.Ack"/>.</param>
/// <param name="Flags">The control bits.</param>
/// <param name="Window">The window field, after the shift by the window scale.</param>
internal readonly record struct TcpHeader(
    ushort SourcePort, ushort DestinationPort, uint Sequence, uint Acknowledgment, TcpFlags Flags, ushort Window)
{
    /// <summary>Length of the IPv6 and TCP headers in a packet with these options, in bytes.</summary>
    public static int PayloadOffset(in TcpOptions options) => Ipv6Header.Size + TcpSegment.HeaderSize + options.Length;

    /// <summary>Writes the headers of a packet. The payload must already be at <see cref="PayloadOffset"/>, for the checksum.</summary>
    /// <param name="packet">The buffer of the packet.</param>
    /// <param name="source">This side's address.</param>
    /// <param name="destination">The peer's address.</param>
    /// <param name="options">The options.</param>
    /// <param name="payloadLength">Length of the payload in bytes.</param>
    /// <returns>The packet's length in bytes.</returns>
    public int Write(Span<byte> packet, in Ipv6Address source, in Ipv6Address destination, in TcpOptions options, int payloadLength)
    {
        var headerLength = TcpSegment.HeaderSize + options.Length;
        var length = headerLength + payloadLength;
        new Ipv6Header(IpProtocol.Tcp, length, source, destination).Write(packet);

        var segment = packet.Slice(Ipv6Header.Size, length);
        BinaryPrimitives.WriteUInt16BigEndian(segment, SourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(segment[2..], DestinationPort);
        BinaryPrimitives.WriteUInt32BigEndian(segment[4..], Sequence);
        BinaryPrimitives.WriteUInt32BigEndian(segment[8..], (Flags & TcpFlags.Ack) != 0 ? Acknowledgment : 0);
        segment[12] = (byte)(headerLength / 4 << 4);
        segment[13] = (byte)Flags;
        BinaryPrimitives.WriteUInt16BigEndian(segment[14..], Window);
        segment[16..TcpSegment.HeaderSize].Clear();
        options.Write(segment[TcpSegment.HeaderSize..headerLength]);

        var sum = Checksum.Add(Checksum.PseudoHeader(packet, IpProtocol.Tcp, length), segment);
        BinaryPrimitives.WriteUInt16BigEndian(segment[16..], Checksum.Finish(sum));
        return Ipv6Header.Size + length;
    }
}
