using System.Buffers.Binary;

namespace Tailnet.WireGuard.Wire;

/// <summary>The four kinds of messages (wireguard.md §2), by the number in their first four bytes.</summary>
internal enum MessageKind
{
    /// <summary>Not a WireGuard message.</summary>
    None = 0,

    /// <summary>The first message of a handshake.</summary>
    Initiation = 1,

    /// <summary>The answer to an initiation.</summary>
    Response = 2,

    /// <summary>The answer of a peer under load, which demands a proof of the sender's address.</summary>
    CookieReply = 3,

    /// <summary>A packet of a session.</summary>
    Transport = 4,
}

/// <summary>Classifies messages by kind and length.</summary>
internal static class MessageKinds
{
    /// <summary>
    /// The kind of a message; <see cref="MessageKind.None"/> for an unknown number, and for a wrong length of the kind.
    /// </summary>
    public static MessageKind Of(ReadOnlySpan<byte> message)
    {
        if (message.Length < sizeof(uint))
        {
            return MessageKind.None;
        }

        var kind = (MessageKind)BinaryPrimitives.ReadUInt32LittleEndian(message);
        var fits = kind switch
        {
            MessageKind.Initiation => message.Length == InitiationMessage.Length,
            MessageKind.Response => message.Length == ResponseMessage.Length,
            MessageKind.CookieReply => message.Length == CookieReplyMessage.Length,
            MessageKind.Transport => message.Length is >= TransportMessage.Overhead and <= TransportMessage.MaxLength,
            _ => false,
        };
        return fits ? kind : MessageKind.None;
    }
}
