using System.Buffers.Binary;

namespace Tailnet.WireGuard.Wire;

/// <summary>A view of the fields of an initiation (wireguard.md §2.1).</summary>
internal readonly ref struct InitiationMessage
{
    public const int Length = 148;

    private readonly Span<byte> _bytes;

    /// <summary>Wraps a message whose kind <see cref="MessageKinds.Of"/> has checked.</summary>
    public InitiationMessage(Span<byte> bytes) => _bytes = bytes[..Length];

    public uint Sender => BinaryPrimitives.ReadUInt32LittleEndian(_bytes[4..]);

    public Span<byte> Ephemeral => _bytes.Slice(8, 32);

    /// <summary>The initiator's static public key, encrypted, and its AEAD tag.</summary>
    public Span<byte> SealedStatic => _bytes.Slice(40, 48);

    /// <summary>A TAI64N timestamp, encrypted, and its AEAD tag.</summary>
    public Span<byte> SealedTimestamp => _bytes.Slice(88, 28);

    public MessageMacs Macs => new(_bytes);

    /// <summary>Writes the kind and the index. The handshake writes the other fields.</summary>
    public static InitiationMessage Create(Span<byte> destination, uint sender)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(destination, (uint)MessageKind.Initiation);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[4..], sender);
        return new InitiationMessage(destination);
    }
}
