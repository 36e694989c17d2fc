using System.Buffers.Binary;

namespace Tailnet.Wire;

/// <summary>The type of a yamux frame, the byte after the version (yamux specification, version 0; tailnet.md §3.3).</summary>
public enum YamuxType : byte
{
    /// <summary>Stream bytes; the header's length counts them.</summary>
    Data = 0,

    /// <summary>Enlarges the peer's send window of a stream; the header's length is the delta in bytes.</summary>
    WindowUpdate = 1,

    /// <summary>A liveness check on stream 0; the header's length is an opaque value that the answer repeats.</summary>
    Ping = 2,

    /// <summary>The announcement of the session's end, on stream 0; the header's length is the reason code.</summary>
    GoAway = 3,
}

/// <summary>Changes of a stream's state in a yamux frame.</summary>
[Flags]
public enum YamuxFlags : ushort
{
    /// <summary>No change.</summary>
    None = 0,

    /// <summary>Opens a stream, or marks a ping as a request.</summary>
    Syn = 1,

    /// <summary>Accepts a stream, or marks a ping as an answer.</summary>
    Ack = 2,

    /// <summary>The sender writes no more on this stream.</summary>
    Fin = 4,

    /// <summary>The stream ends at once, in both directions.</summary>
    Rst = 8,
}

/// <summary>The header of a yamux frame: version, type, flags, stream id, length; 12 bytes, big-endian.</summary>
/// <param name="Type">The frame's type.</param>
/// <param name="Flags">Changes of the stream's state.</param>
/// <param name="StreamId">0 for the session itself; odd for streams that the dialer opened, even for the acceptor's.</param>
/// <param name="Length">The body's length in bytes for <see cref="YamuxType.Data"/>; otherwise a value, without a body.</param>
public readonly record struct YamuxHeader(YamuxType Type, YamuxFlags Flags, uint StreamId, uint Length)
{
    /// <summary>The size of a header in bytes.</summary>
    public const int Size = 12;

    private const YamuxFlags KnownFlags = YamuxFlags.Syn | YamuxFlags.Ack | YamuxFlags.Fin | YamuxFlags.Rst;

    /// <summary>
    /// Reads a header. Returns false for fewer than <see cref="Size"/> bytes, and for a header that violates the protocol.
    /// </summary>
    /// <param name="bytes">At least <see cref="Size"/> bytes from the start of a frame.</param>
    /// <param name="header">The header, when the result is true.</param>
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
