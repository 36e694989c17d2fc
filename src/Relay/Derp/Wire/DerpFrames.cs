using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Relay.Derp.Wire;

/// <summary>
/// Writes frames. Each method returns the number of bytes written. The destination must be long enough; <see cref="MaxControl"/> is.
/// </summary>
internal static class DerpFrames
{
    /// <summary>The longest frame of this class in bytes, without packets and Health.</summary>
    public const int MaxControl = 64;

    /// <summary>The payload of a PeerPresent: key, address, port, flags.</summary>
    private const int PresentLength = NodeKey.Length + 16 + 2 + 1;

    /// <summary>Writes the start of a RecvPacket or SendPacket, up to the packet.</summary>
    public static int PacketPrefix(Span<byte> destination, DerpFrameType type, in NodeKey key, int packetLength)
    {
        DerpFrameHeader.Write(destination, type, NodeKey.Length + packetLength);
        key.CopyTo(destination[DerpProtocol.HeaderLength..]);
        return DerpProtocol.HeaderLength + NodeKey.Length;
    }

    /// <summary>Writes the start of a ForwardPacket, up to the packet.</summary>
    public static int ForwardPrefix(Span<byte> destination, in NodeKey source, in NodeKey target, int packetLength)
    {
        var at = DerpFrameHeader.Write(destination, DerpFrameType.ForwardPacket, (2 * NodeKey.Length) + packetLength);
        source.CopyTo(destination[at..]);
        target.CopyTo(destination[(at + NodeKey.Length)..]);
        return at + (2 * NodeKey.Length);
    }

    /// <summary>Writes a frame without payload: KeepAlive, WatchConns.</summary>
    public static int Empty(Span<byte> destination, DerpFrameType type) => DerpFrameHeader.Write(destination, type, 0);

    public static int NotePreferred(Span<byte> destination, bool home)
    {
        var at = DerpFrameHeader.Write(destination, DerpFrameType.NotePreferred, 1);
        destination[at] = home ? (byte)1 : (byte)0;
        return at + 1;
    }

    public static int PeerGone(Span<byte> destination, in NodeKey key, PeerGoneReason reason)
    {
        var at = DerpFrameHeader.Write(destination, DerpFrameType.PeerGone, NodeKey.Length + 1);
        key.CopyTo(destination[at..]);
        destination[at + NodeKey.Length] = (byte)reason;
        return at + NodeKey.Length + 1;
    }

    /// <summary>Writes a PeerPresent. IPv4 is written as <c>::ffff:a.b.c.d</c>, an unknown address as zeros.</summary>
    public static int PeerPresent(Span<byte> destination, in NodeKey key, IPEndPoint? address, PeerFlags flags)
    {
        var at = DerpFrameHeader.Write(destination, DerpFrameType.PeerPresent, PresentLength);
        key.CopyTo(destination[at..]);
        var ip = destination.Slice(at + NodeKey.Length, 16);
        ip.Clear();
        if (address is not null)
        {
            var v6 = address.AddressFamily == AddressFamily.InterNetwork ? address.Address.MapToIPv6() : address.Address;
            v6.TryWriteBytes(ip, out _);
        }

        BinaryPrimitives.WriteUInt16BigEndian(destination[(at + NodeKey.Length + 16)..], (ushort)(address?.Port ?? 0));
        destination[at + PresentLength - 1] = (byte)flags;
        return at + PresentLength;
    }

    public static int ClosePeer(Span<byte> destination, in NodeKey key)
    {
        var at = DerpFrameHeader.Write(destination, DerpFrameType.ClosePeer, NodeKey.Length);
        key.CopyTo(destination[at..]);
        return at + NodeKey.Length;
    }

    /// <summary>Writes a Ping or a Pong.</summary>
    /// <param name="destination">At least 13 bytes.</param>
    /// <param name="type">Ping or Pong.</param>
    /// <param name="data">The eight bytes, as a big-endian number.</param>
    public static int Ping(Span<byte> destination, DerpFrameType type, ulong data)
    {
        var at = DerpFrameHeader.Write(destination, type, DerpProtocol.PingLength);
        BinaryPrimitives.WriteUInt64BigEndian(destination[at..], data);
        return at + DerpProtocol.PingLength;
    }

    /// <summary>Writes a Health with a text about a problem; an empty text means healthy.</summary>
    public static int Health(Span<byte> destination, ReadOnlySpan<byte> text)
    {
        var at = DerpFrameHeader.Write(destination, DerpFrameType.Health, text.Length);
        text.CopyTo(destination[at..]);
        return at + text.Length;
    }

    /// <summary>Writes a Restarting.</summary>
    /// <param name="destination">At least 13 bytes.</param>
    /// <param name="reconnectIn">The time before clients reconnect.</param>
    /// <param name="tryFor">How long clients try.</param>
    public static int Restarting(Span<byte> destination, TimeSpan reconnectIn, TimeSpan tryFor)
    {
        var at = DerpFrameHeader.Write(destination, DerpFrameType.Restarting, 8);
        BinaryPrimitives.WriteUInt32BigEndian(destination[at..], Milliseconds(reconnectIn));
        BinaryPrimitives.WriteUInt32BigEndian(destination[(at + 4)..], Milliseconds(tryFor));
        return at + 8;
    }

    private static uint Milliseconds(TimeSpan time) => (uint)Math.Clamp(time.TotalMilliseconds, 0, uint.MaxValue);
}
