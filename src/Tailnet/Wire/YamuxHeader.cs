using System.Buffers.Binary;

namespace Tailnet.Wire;

/// <summary>What a yamux frame is; the byte after the version (yamux specification, version 0).</summary>
public enum YamuxType : byte
{
    /// <summary>Stream bytes; the header's length counts them.</summary>
    Data = 0,

    /// <summary>Gives the peer more room on a stream; the header's length is the delta in bytes.</summary>
    WindowUpdate = 1,

    /// <summary>Liveness check on stream 0; the header's length is an opaque value that the answer repeats.</summary>
    Ping = 2,

    /// <summary>The session is ending, on stream 0; the header's length is the reason code.</summary>
    GoAway = 3,
}

/// <summary>Stream state changes that ride on a yamux frame.</summary>
[Flags]
public enum YamuxFlags : ushort
{
    /// <summary>Nothing but the frame itself.</summary>
    None = 0,

    /// <summary>Opens a stream, or asks for a ping's answer.</summary>
    Syn = 1,

    /// <summary>Accepts a stream, or answers a ping.</summary>
    Ack = 2,

    /// <summary>The sender will write no more on this stream.</summary>
    Fin = 4,

    /// <summary>The stream ends at once, in both directions.</summary>
    Rst = 8,
}

/// <summary>The 12 bytes before every yamux frame: version, type, flags, stream id, length; big-endian.</summary>
/// <param name="Type">The kind of frame.</param>
/// <param name="Flags">State changes of the stream.</param>
/// <param name="StreamId">0 for the session itself; odd for streams the dialer opened, even for the acceptor's.</param>
/// <param name="Length">Bytes of the body for <see cref="YamuxType.Data"/>; otherwise a value, and there is no body.</param>
public readonly record struct YamuxHeader(YamuxType Type, YamuxFlags Flags, uint StreamId, uint Length)
{
    /// <summary>Size of a header in bytes.</summary>
    public const int Size = 12;

    private const YamuxFlags KnownFlags = YamuxFlags.Syn | YamuxFlags.Ack | YamuxFlags.Fin | YamuxFlags.Rst;

    /// <summary>Reads a header; false when the bytes are fewer than <see cref="Size"/> or break the protocol.</summary>
    /// <param name="bytes">At least <see cref="Size"/> bytes, beginning at a frame.</param>
    /// <param name="header">The header, when the answer is true.</param>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out YamuxHeader header)
    {
        header = default;
        if (bytes.Length < Size || bytes[0] != 0 || bytes[1] > (byte)YamuxType.GoAway)
        {
            return false;
        }

        var flags = (YamuxFlags)BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]);
        if ((flags & ~KnownFlags) != 0)
        {
            return false;
        }

        header = new YamuxHeader(
            (YamuxType)bytes[1],
            flags,
            BinaryPrimitives.ReadUInt32BigEndian(bytes[4..]),
            BinaryPrimitives.ReadUInt32BigEndian(bytes[8..]));
        return true;
    }

    /// <summary>Writes the header into the first <see cref="Size"/> bytes of <paramref name="destination"/>.</summary>
    /// <param name="destination">At least <see cref="Size"/> bytes.</param>
    public void Write(Span<byte> destination)
    {
        destination[0] = 0;
        destination[1] = (byte)Type;
        BinaryPrimitives.WriteUInt16BigEndian(destination[2..], (ushort)Flags);
        BinaryPrimitives.WriteUInt32BigEndian(destination[4..], StreamId);
        BinaryPrimitives.WriteUInt32BigEndian(destination[8..], Length);
    }
}
