using System.Buffers.Binary;

namespace Tailnet.Ip.Wire;

/// <summary>The type of a TSMP message.</summary>
internal enum TsmpKind
{
    /// <summary>A truncated message or an unknown type: it is dropped.</summary>
    None = 0,

    /// <summary>A ping, which asks for a pong.</summary>
    Ping,

    /// <summary>A pong, which answers a ping.</summary>
    Pong,
}

/// <summary>
/// TSMP, the pings inside the tunnel: IPv6 packets with next header 99 and without a checksum (docs/wire/tcp.md §3). Agents answer them
/// before their packet filter, so a pong proves that WireGuard works in both directions.
/// </summary>
internal static class Tsmp
{
    /// <summary>Size of a ping's packet in bytes.</summary>
    public const int PingLength = Ipv6Header.Size + 9;

    /// <summary>Size of a pong's packet in bytes.</summary>
    public const int PongLength = Ipv6Header.Size + 11;

    private const byte PingType = (byte)'p';
    private const byte PongType = (byte)'o';

    /// <summary>Reads the type and the data of a message.</summary>
    /// <param name="packet">The packet from its IPv6 header.</param>
    /// <param name="ip">The IPv6 header of the packet.</param>
    /// <param name="data">The eight bytes of a ping, which its pong repeats.</param>
    public static TsmpKind Read(ReadOnlySpan<byte> packet, in Ipv6Header ip, out ulong data)
    {
        data = 0;
        var message = packet.Slice(Ipv6Header.Size, ip.PayloadLength);
        var kind = message.IsEmpty
            ? TsmpKind.None
            : message[0] switch
            {
                PingType when message.Length >= 9 => TsmpKind.Ping,
                PongType when message.Length >= 9 => TsmpKind.Pong,
                _ => TsmpKind.None,
            };
        if (kind != TsmpKind.None)
        {
            data = BinaryPrimitives.ReadUInt64BigEndian(message[1..]);
        }

        return kind;
    }

    /// <summary>Writes a ping into at least <see cref="PingLength"/> bytes, and returns that length.</summary>
    public static int WritePing(Span<byte> packet, in Ipv6Address source, in Ipv6Address destination, ulong data)
    {
        new Ipv6Header(IpProtocol.Tsmp, PingLength - Ipv6Header.Size, source, destination).Write(packet);
        packet[Ipv6Header.Size] = PingType;
        BinaryPrimitives.WriteUInt64BigEndian(packet[(Ipv6Header.Size + 1)..], data);
        return PingLength;
    }

    /// <summary>
    /// Writes a pong into at least <see cref="PongLength"/> bytes, and returns that length. The port is that of the
    /// peer API, which this node does not have, so it is 0.
    /// </summary>
    public static int WritePong(Span<byte> packet, in Ipv6Address source, in Ipv6Address destination, ulong data)
    {
        new Ipv6Header(IpProtocol.Tsmp, PongLength - Ipv6Header.Size, source, destination).Write(packet);
        packet[Ipv6Header.Size] = PongType;
        BinaryPrimitives.WriteUInt64BigEndian(packet[(Ipv6Header.Size + 1)..], data);
        BinaryPrimitives.WriteUInt16BigEndian(packet[(Ipv6Header.Size + 9)..], 0);
        return PongLength;
    }
}
