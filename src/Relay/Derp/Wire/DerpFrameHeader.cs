using System.Buffers.Binary;

namespace Relay.Derp.Wire;

/// <summary>A frame's header: one byte of type, four bytes of payload length, big-endian (derp.md §2.1).</summary>
/// <param name="Type">The type, which may be an unknown one.</param>
/// <param name="Length">The payload's length in bytes, up to 4 GiB - 1 on the wire.</param>
public readonly record struct DerpFrameHeader(DerpFrameType Type, uint Length)
{
    /// <summary>Reads a header.</summary>
    /// <param name="bytes">The received bytes.</param>
    /// <param name="header">The header.</param>
    /// <returns>False for fewer than five bytes.</returns>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out DerpFrameHeader header)
    {
        if (bytes.Length < DerpProtocol.HeaderLength)
        {
            header = default;
            return false;
        }

        header = new DerpFrameHeader((DerpFrameType)bytes[0], BinaryPrimitives.ReadUInt32BigEndian(bytes[1..]));
        return true;
    }

    /// <summary>Writes a header.</summary>
    /// <param name="destination">At least five bytes.</param>
    /// <param name="type">The type.</param>
    /// <param name="length">The payload's length in bytes.</param>
    /// <returns>Five.</returns>
    public static int Write(Span<byte> destination, DerpFrameType type, int length)
    {
        destination[0] = (byte)type;
        BinaryPrimitives.WriteUInt32BigEndian(destination[1..], (uint)length);
        return DerpProtocol.HeaderLength;
    }
}
