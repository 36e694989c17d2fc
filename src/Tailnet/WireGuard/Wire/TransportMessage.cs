using System.Buffers.Binary;

namespace Tailnet.WireGuard.Wire;

/// <summary>The fields of a transport message (wireguard.md §2.5) where they lie in memory.</summary>
internal readonly ref struct TransportMessage
{
    public const int HeaderLength = 16;
    public const int TagLength = 16;

    /// <summary>Bytes that a message is longer than its padded packet: the length of a keep-alive.</summary>
    public const int Overhead = HeaderLength + TagLength;

    /// <summary>The longest packet inside.</summary>
    public const int Mtu = 1280;

    public const int MaxLength = Mtu + Overhead;

    private const int PaddingUnit = 16;

    private readonly Span<byte> _bytes;

    /// <summary>Takes a message whose kind <see cref="MessageKinds.Of"/> has told.</summary>
    public TransportMessage(Span<byte> bytes) => _bytes = bytes;

    public uint Receiver => BinaryPrimitives.ReadUInt32LittleEndian(_bytes[4..]);

    public ulong Counter => BinaryPrimitives.ReadUInt64LittleEndian(_bytes[8..]);

    /// <summary>The padded packet and its tag.</summary>
    public Span<byte> Body => _bytes[HeaderLength..];

    /// <summary>The length of the message for a packet: packets are padded, so that their lengths tell less.</summary>
    public static int LengthFor(int packet) => Math.Min((packet + PaddingUnit - 1) & -PaddingUnit, Mtu) + Overhead;

    /// <summary>Writes the header in front of a packet that lies in the destination, and the padding behind it.</summary>
    public static TransportMessage Create(Span<byte> destination, int packet, uint receiver, ulong counter)
    {
        var bytes = destination[..LengthFor(packet)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, (uint)MessageKind.Transport);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[4..], receiver);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[8..], counter);
        bytes[(HeaderLength + packet)..^TagLength].Clear();
        return new TransportMessage(bytes);
    }
}
