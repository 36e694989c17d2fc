using System.Buffers.Binary;

namespace Tailnet.WireGuard.Wire;

/// <summary>The fields of an initiation (wireguard.md §2.1) where they lie in memory.</summary>
internal readonly ref struct InitiationMessage
{
    public const int Length = 148;

    private readonly Span<byte> _bytes;

    /// <summary>Takes a message whose kind <see cref="MessageKinds.Of"/> has told.</summary>
    public InitiationMessage(Span<byte> bytes) => _bytes = bytes[..Length];

    public uint Sender => BinaryPrimitives.ReadUInt32LittleEndian(_bytes[4..]);

    public Span<byte> Ephemeral => _bytes.Slice(8, 32);

    /// <summary>The initiator's static public key, sealed.</summary>
    public Span<byte> SealedStatic => _bytes.Slice(40, 48);

    /// <summary>A TAI64N timestamp, sealed.</summary>
    public Span<byte> SealedTimestamp => _bytes.Slice(88, 28);

    public MessageMacs Macs => new(_bytes);

    /// <summary>Begins a message; the handshake fills in the rest.</summary>
    public static InitiationMessage Create(Span<byte> destination, uint sender)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(destination, (uint)MessageKind.Initiation);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[4..], sender);
        return new InitiationMessage(destination);
    }
}
