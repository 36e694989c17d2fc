using System.Buffers.Binary;

namespace Tailnet.Ip.Wire;

/// <summary>
/// The fixed header of an IPv6 packet (RFC 8200 §3). Traffic class and flow label are zero on output and ignored on input.
/// </summary>
/// <param name="Protocol">The next header. Extension headers are not supported: agents send none.</param>
/// <param name="PayloadLength">Length of the payload after this header, in bytes.</param>
/// <param name="Source">The address of the sender.</param>
/// <param name="Destination">The address of the receiver.</param>
internal readonly record struct Ipv6Header(IpProtocol Protocol, int PayloadLength, Ipv6Address Source, Ipv6Address Destination)
{
    /// <summary>Size of the header in bytes.</summary>
    public const int Size = 40;

    /// <summary>The MTU of a tailnet, in bytes: the largest packet in either direction.</summary>
    public const int Mtu = 1280;

    private const uint Version6 = 0x6000_0000;
    private const byte HopLimit = 64;

    /// <summary>Reads a header; false when the packet is truncated or is not IPv6. WireGuard's padding may follow the payload.</summary>
    public static bool TryRead(ReadOnlySpan<byte> packet, out Ipv6Header header)
    {
        header = default;
        if (packet.Length < Size || packet[0] >> 4 != 6)
        {
            return false;
        }

        var length = BinaryPrimitives.ReadUInt16BigEndian(packet[4..]);
        if (length > packet.Length - Size)
        {
            return false;
        }

        header = new Ipv6Header((IpProtocol)packet[6], length, Ipv6Address.Read(packet[8..]), Ipv6Address.Read(packet[24..]));
        return true;
    }

    /// <summary>Writes the header into the first <see cref="Size"/> bytes of a packet.</summary>
    public void Write(Span<byte> packet)
    {
        BinaryPrimitives.WriteUInt32BigEndian(packet, Version6);
        BinaryPrimitives.WriteUInt16BigEndian(packet[4..], (ushort)PayloadLength);
        packet[6] = (byte)Protocol;
        packet[7] = HopLimit;
        Source.Write(packet[8..]);
        Destination.Write(packet[24..]);
    }
}
