using System.Buffers.Binary;

namespace Tailnet.WireGuard.Wire;

/// <summary>A view of the fields of a transport message (wireguard.md §2.5).</summary>
internal readonly ref struct TransportMessage
{
    public const int HeaderLength = 16;
    public const int TagLength = 16;

    /// <summary>The length of header and tag in bytes, which is the length of a keep-alive.</summary>
    public const int Overhead = HeaderLength + TagLength;

    /// <summary>The longest inner packet, in bytes.</summary>
    public const int Mtu = 1280;

    public const int MaxLength = Mtu + Overhead;

    private const int PaddingUnit = 16;

    private readonly Span<byte> _bytes;

    /// <summary>Wraps a message whose kind <see cref="MessageKinds.Of"/> has checked.</summary>
    public TransportMessage(Span<byte> bytes) => _bytes = bytes;

    public uint Receiver => BinaryPrimitives.ReadUInt32LittleEndian(_bytes[4..]);

    public ulong Counter => BinaryPrimitives.ReadUInt64LittleEndian(_bytes[8..]);

    /// <summary>The padded packet and its AEAD tag.</summary>
    public Span<byte> Body => _bytes[HeaderLength..];

    /// <summary>The length of the message for a packet, in bytes. Padding hides the exact length of the packet.</summary>
    public static int LengthFor(int packet) => Math.Min((packet + PaddingUnit - 1) & -PaddingUnit, Mtu) + Overhead;

    /// <summary>Writes the header before the packet, which is in the destination already, and the padding after it.</summary>
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
