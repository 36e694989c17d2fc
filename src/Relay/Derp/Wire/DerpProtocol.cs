namespace Relay.Derp.Wire;

/// <summary>The protocol's constants (derp.md §2.1).</summary>
public static class DerpProtocol
{
    /// <summary>The protocol version of all current clients and servers.</summary>
    public const int Version = 2;

    /// <summary>The size of a frame's header in bytes: the type, and the payload's length.</summary>
    public const int HeaderLength = 5;

    /// <summary>The longest relayed packet in bytes, without keys and header.</summary>
    public const int MaxPacketLength = 64 * 1024;

    /// <summary>The longest payload of a frame that is relayed: two keys and a packet.</summary>
    internal const int MaxRelayedPayload = (2 * NodeKey.Length) + MaxPacketLength;

    /// <summary>The longest payload that a client stores: a key and a packet.</summary>
    internal const int MaxReceivedPayload = NodeKey.Length + MaxPacketLength;

    /// <summary>The longest payload of a frame of unknown type, which is skipped. A longer one closes the connection.</summary>
    internal const int MaxUnknownPayload = 64 * 1024;

    /// <summary>The shortest payload of a ClientInfo: key and nonce.</summary>
    internal const int MinClientInfo = NodeKey.Length + Crypto.NaClBox.NonceLength;

    /// <summary>The longest payload of a ClientInfo.</summary>
    internal const int MaxClientInfo = 256 * 1024;

    /// <summary>The longest payload that clients accept.</summary>
    internal const int MaxClientFrame = 1024 * 1024;

    /// <summary>The longest payload of a ping that the server accepts.</summary>
    internal const int MaxPing = 1000;

    /// <summary>The bytes that a pong repeats.</summary>
    internal const int PingLength = 8;

    /// <summary>The shortest disco packet: magic, key, nonce (derp.md §2.9).</summary>
    internal const int MinDisco = 62;

    /// <summary>The start of a ServerKey's payload: "DERP" and U+1F511.</summary>
    internal static ReadOnlySpan<byte> Magic => [0x44, 0x45, 0x52, 0x50, 0xf0, 0x9f, 0x94, 0x91];

    /// <summary>The start of a disco packet: "TS" and U+1F4AC.</summary>
    internal static ReadOnlySpan<byte> DiscoMagic => [0x54, 0x53, 0xf0, 0x9f, 0x92, 0xac];

    /// <summary>Distinguishes disco packets, by which peers look for a direct path, from data (derp.md §2.9).</summary>
    /// <param name="packet">The packet, without keys and header.</param>
    internal static PacketKind KindOf(ReadOnlySpan<byte> packet) =>
        packet.Length >= MinDisco && packet.StartsWith(DiscoMagic) ? PacketKind.Disco : PacketKind.Other;
}
