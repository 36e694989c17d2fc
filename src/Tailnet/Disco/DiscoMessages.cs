using System.Buffers.Binary;

namespace Tailnet.Disco;

/// <summary>
/// The layout of magicsock's discovery messages ("disco", docs/wire/tailnet-node.md §5). A frame is the magic, the sender's disco key, a
/// nonce, and a NaCl box of one message. This node reads pings and writes pongs; it skips all other messages.
/// </summary>
internal static class DiscoMessages
{
    /// <summary>Size of a disco key in bytes.</summary>
    public const int KeyLength = 32;

    /// <summary>Size of the box's nonce in bytes.</summary>
    public const int NonceLength = 24;

    /// <summary>Size of a frame's magic, key and nonce in bytes.</summary>
    public const int HeadLength = 6 + KeyLength + NonceLength;

    /// <summary>Size of the transaction id of pings and pongs in bytes.</summary>
    public const int TransactionLength = 12;

    /// <summary>Size of a pong in bytes: type, version, transaction id, address and port.</summary>
    public const int PongLength = 2 + TransactionLength + 16 + 2;

    private const byte PingType = 1;
    private const byte PongType = 2;
    private const byte Version = 1;

    /// <summary>The first six bytes of each frame, which no WireGuard message has.</summary>
    public static ReadOnlySpan<byte> Magic => [0x54, 0x53, 0xf0, 0x9f, 0x92, 0xac];

    // The IPv4 address that stands for DERP in a pong, as an IPv6-mapped one.
    private static ReadOnlySpan<byte> DerpAddress => [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 3, 3, 40];

    /// <summary>Splits a frame into the sender's disco key, the nonce and the box.</summary>
    /// <returns>False when the frame is too short, or does not begin with the magic.</returns>
    public static bool TryReadHead(
        ReadOnlySpan<byte> frame, out ReadOnlySpan<byte> sender, out ReadOnlySpan<byte> nonce, out ReadOnlySpan<byte> box)
    {
        sender = nonce = box = default;
        if (frame.Length < HeadLength || !frame.StartsWith(Magic))
        {
            return false;
        }

        sender = frame.Slice(Magic.Length, KeyLength);
        nonce = frame.Slice(Magic.Length + KeyLength, NonceLength);
        box = frame[HeadLength..];
        return true;
    }

    /// <summary>Writes the head of a frame.</summary>
    public static void WriteHead(Span<byte> frame, ReadOnlySpan<byte> sender, ReadOnlySpan<byte> nonce)
    {
        Magic.CopyTo(frame);
        sender.CopyTo(frame[Magic.Length..]);
        nonce.CopyTo(frame[(Magic.Length + KeyLength)..]);
    }

    /// <summary>Reads the transaction id of a ping.</summary>
    /// <param name="message">The opened message.</param>
    /// <param name="node">The sender's node key, 32 bytes. The ping names it since 2021, and older pings name none.</param>
    /// <param name="transaction">The transaction id.</param>
    /// <returns>False for other messages, and for a ping that names another node key.</returns>
    public static bool TryReadPing(ReadOnlySpan<byte> message, ReadOnlySpan<byte> node, out ReadOnlySpan<byte> transaction)
    {
        transaction = default;
        if (message.Length < 2 + TransactionLength || message[0] != PingType || message[1] < Version)
        {
            return false;
        }

        var key = message[(2 + TransactionLength)..];
        if (key.Length >= KeyLength && !key[..KeyLength].SequenceEqual(node))
        {
            return false;
        }

        transaction = message.Slice(2, TransactionLength);
        return true;
    }

    /// <summary>Writes a pong to a ping that came over DERP.</summary>
    /// <param name="message">Room for <see cref="PongLength"/> bytes.</param>
    /// <param name="transaction">The ping's transaction id.</param>
    /// <param name="region">The DERP region through which the ping came.</param>
    public static void WritePong(Span<byte> message, ReadOnlySpan<byte> transaction, int region)
    {
        message[0] = PongType;
        message[1] = Version;
        transaction.CopyTo(message[2..]);
        DerpAddress.CopyTo(message[(2 + TransactionLength)..]);
        BinaryPrimitives.WriteUInt16BigEndian(message[(PongLength - 2)..], (ushort)region);
    }
}
