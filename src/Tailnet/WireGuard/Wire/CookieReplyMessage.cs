using System.Buffers.Binary;

namespace Tailnet.WireGuard.Wire;

/// <summary>A view of the fields of a cookie reply (wireguard.md §2.4). Edge receives them and sends none.</summary>
internal readonly ref struct CookieReplyMessage
{
    public const int Length = 64;
    public const int CookieLength = 16;

    private readonly Span<byte> _bytes;

    /// <summary>Wraps a message whose kind <see cref="MessageKinds.Of"/> has checked.</summary>
    public CookieReplyMessage(Span<byte> bytes) => _bytes = bytes[..Length];

    /// <summary>The sender index of the message that is answered.</summary>
    public uint Receiver => BinaryPrimitives.ReadUInt32LittleEndian(_bytes[4..]);

    public Span<byte> Nonce => _bytes.Slice(8, 24);

    public Span<byte> SealedCookie => _bytes.Slice(32, 32);
}
