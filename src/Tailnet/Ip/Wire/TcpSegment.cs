using System.Buffers.Binary;

namespace Tailnet.Ip.Wire;

/// <summary>The result of <see cref="TcpSegment.Read"/>.</summary>
internal enum SegmentStatus
{
    /// <summary>The segment is well-formed.</summary>
    Ok = 0,

    /// <summary>The header is truncated, or an option has an impossible length.</summary>
    Malformed,

    /// <summary>The checksum is wrong.</summary>
    BadChecksum,
}

/// <summary>A received TCP segment (RFC 9293 §3.1). The payload is a slice of the received packet.</summary>
internal readonly ref struct TcpSegment
{
    /// <summary>Size of a header without options, in bytes.</summary>
    public const int HeaderSize = 20;

    private TcpSegment(ReadOnlySpan<byte> bytes, int headerLength, scoped in TcpOptions options)
    {
        SourcePort = BinaryPrimitives.ReadUInt16BigEndian(bytes);
        DestinationPort = BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]);
        Sequence = BinaryPrimitives.ReadUInt32BigEndian(bytes[4..]);
        Acknowledgment = BinaryPrimitives.ReadUInt32BigEndian(bytes[8..]);
        Flags = (TcpFlags)(bytes[13] & 0x1f);
        Window = BinaryPrimitives.ReadUInt16BigEndian(bytes[14..]);
        Options = options;
        Payload = bytes[headerLength..];
    }

    /// <summary>The sender's port.</summary>
    public ushort SourcePort { get; }

    /// <summary>The receiver's port.</summary>
    public ushort DestinationPort { get; }

    /// <summary>The sequence number of the first payload byte, or of the SYN.</summary>
    public uint Sequence { get; }

    /// <summary>The next sequence number that the sender expects.</summary>
    public uint Acknowledgment { get; }

    /// <summary>The control bits without URG, ECE and CWR, which this stack does not use.</summary>
    public TcpFlags Flags { get; }

    /// <summary>The window field before scaling.</summary>
    public ushort Window { get; }

    public readonly TcpOptions Options;

    /// <summary>The data of the segment.</summary>
    public ReadOnlySpan<byte> Payload { get; }

    /// <summary>SEG.LEN: the sequence numbers that data, SYN and FIN occupy.</summary>
    public uint Length => (uint)Payload.Length + (Has(TcpFlags.Syn) ? 1u : 0) + (Has(TcpFlags.Fin) ? 1u : 0);

    /// <summary>Reads the segment in an IPv6 packet, and verifies its checksum.</summary>
    public static SegmentStatus Read(ReadOnlySpan<byte> packet, in Ipv6Header ip, out TcpSegment segment)
    {
        segment = default;
        var bytes = packet.Slice(Ipv6Header.Size, ip.PayloadLength);
        if (bytes.Length < HeaderSize)
        {
            return SegmentStatus.Malformed;
        }

        var headerLength = (bytes[12] >> 4) * 4;
        if (headerLength < HeaderSize || headerLength > bytes.Length
            || !TcpOptions.TryRead(bytes[HeaderSize..headerLength], out var options))
        {
            return SegmentStatus.Malformed;
        }

        if (!Checksum.IsValid(Checksum.Add(Checksum.PseudoHeader(packet, IpProtocol.Tcp, bytes.Length), bytes)))
        {
            return SegmentStatus.BadChecksum;
        }

        segment = new TcpSegment(bytes, headerLength, options);
        return SegmentStatus.Ok;
    }

    /// <summary>Whether at least one of the bits is set.</summary>
    public bool Has(TcpFlags flags) => (Flags & flags) != 0;
}
