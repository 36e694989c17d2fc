using System.Buffers.Binary;

namespace Tailnet.WireGuard.Wire;

/// <summary>A view of the fields of a response (wireguard.md §2.2).</summary>
internal readonly ref struct ResponseMessage
{
    public const int Length = 92;

    private readonly Span<byte> _bytes;

    /// <summary>Wraps a message whose kind <see cref="MessageKinds.Of"/> has checked.</summary>
    public ResponseMessage(Span<byte> bytes) => _bytes = bytes[..Length];

    public uint Sender => BinaryPrimitives.ReadUInt32LittleEndian(_bytes[4..]);

    /// <summary>The sender index of the initiation that is answered.</summary>
    public uint Receiver => BinaryPrimitives.ReadUInt32LittleEndian(_bytes[8..]);

    public Span<byte> Ephemeral => _bytes.Slice(12, 32);

    /// <summary>The AEAD tag of the empty payload. It proves that the responder has derived the same keys.</summary>
    public Span<byte> SealedEmpty => _bytes.Slice(44, 16);

    public MessageMacs Macs => new(_bytes);

    /// <summary>Writes the kind and the indices. The handshake writes the other fields.</summary>
    public static ResponseMessage Create(Span<byte> destination, uint sender, uint receiver)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(destination, (uint)MessageKind.Response);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[4..], sender);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[8..], receiver);
        return new ResponseMessage(destination);
    }
}
