using System.Buffers.Binary;

namespace Tailnet.WireGuard.Wire;

/// <summary>The four kinds of messages (wireguard.md §2), by the number in their first four bytes.</summary>
internal enum MessageKind
{
    /// <summary>No message of WireGuard.</summary>
    None = 0,

    /// <summary>The first message of a handshake.</summary>
    Initiation = 1,

    /// <summary>The answer to an initiation.</summary>
    Response = 2,

    /// <summary>The answer of a peer under load, which wants a proof of the address.</summary>
    CookieReply = 3,

    /// <summary>A packet of a session.</summary>
    Transport = 4,
}

/// <summary>Tells messages apart.</summary>
internal static class MessageKinds
{
    /// <summary>
    /// The kind of a message; <see cref="MessageKind.None"/> for other numbers, and for a length that the kind does not have.
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
