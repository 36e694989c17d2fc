using System.Buffers.Binary;

namespace Tailnet.WireGuard.Wire;

/// <summary>The fields of a response (wireguard.md §2.2) where they lie in memory.</summary>
internal readonly ref struct ResponseMessage
{
    public const int Length = 92;

    private readonly Span<byte> _bytes;

    /// <summary>Takes a message whose kind <see cref="MessageKinds.Of"/> has told.</summary>
    public ResponseMessage(Span<byte> bytes) => _bytes = bytes[..Length];

    public uint Sender => BinaryPrimitives.ReadUInt32LittleEndian(_bytes[4..]);

    /// <summary>The sender index of the initiation that is answered.</summary>
    public uint Receiver => BinaryPrimitives.ReadUInt32LittleEndian(_bytes[8..]);

    public Span<byte> Ephemeral => _bytes.Slice(12, 32);

    /// <summary>Nothing, sealed: it proves that the responder derived the same keys.</summary>
    public Span<byte> SealedNothing => _bytes.Slice(44, 16);

    public MessageMacs Macs => new(_bytes);

    /// <summary>Begins a message; the handshake fills in the rest.</summary>
    public static ResponseMessage Create(Span<byte> destination, uint sender, uint receiver)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(destination, (uint)MessageKind.Response);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[4..], sender);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[8..], receiver);
        return new ResponseMessage(destination);
    }
}
