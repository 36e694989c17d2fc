namespace Tailnet.Wire;

/// <summary>The kind of a dRPC packet (tailnet.md §3.4).</summary>
public enum DrpcKind : byte
{
    /// <summary>Starts an rpc; the data is the path in UTF-8.</summary>
    Invoke = 1,

    /// <summary>A protobuf message.</summary>
    Message = 2,

    /// <summary>The rpc failed; the data is a code of 64 bits, big-endian, and a text in UTF-8.</summary>
    Error = 3,

    /// <summary>The caller cancels the rpc; the packet has the control bit.</summary>
    Cancel = 4,

    /// <summary>The whole rpc is over.</summary>
    Close = 5,

    /// <summary>The sender has no more messages.</summary>
    CloseSend = 6,

    /// <summary>Metadata of the next Invoke.</summary>
    InvokeMetadata = 7,
}

/// <summary>The result of reading a part of a stream.</summary>
public enum DrpcReadStatus
{
    /// <summary>The part is incomplete.</summary>
    NeedMore,

    /// <summary>The part was read.</summary>
    Done,

    /// <summary>A number does not end within ten bytes, or does not fit 64 bits.</summary>
    BadNumber,

    /// <summary>An id is smaller than one before it.</summary>
    BadOrder,

    /// <summary>Frames of one packet have different kinds.</summary>
    KindChanged,

    /// <summary>A packet is larger than the limit.</summary>
    TooLarge,
}

/// <summary>The header of a dRPC frame (tailnet.md §3.4): control byte, then stream id, message id and length in LEB128.</summary>
/// <param name="Kind">The packet's kind, which may be an unknown one.</param>
/// <param name="Done">Whether this is the packet's last frame.</param>
/// <param name="Control">Whether a receiver that does not know the kind ignores the packet.</param>
/// <param name="Stream">The number of the rpc on this connection, from 1.</param>
/// <param name="Message">The number of the packet in its direction, from 1.</param>
/// <param name="Length">The number of bytes of data that follow.</param>
public readonly record struct DrpcFrameHeader(DrpcKind Kind, bool Done, bool Control, ulong Stream, ulong Message, ulong Length)
{
    /// <summary>The longest header in bytes.</summary>
    public const int MaxSize = 1 + (3 * Leb128.MaxSize);

    /// <summary>Reads a header from the start of <paramref name="bytes"/>; never allocates, never throws.</summary>
    /// <param name="bytes">Bytes from the start of a frame.</param>
    /// <param name="header">The header, when the result is <see cref="DrpcReadStatus.Done"/>.</param>
    /// <param name="size">The header's size in bytes.</param>
    public static DrpcReadStatus TryRead(ReadOnlySpan<byte> bytes, out DrpcFrameHeader header, out int size)
    {
        header = default;
        size = 1;
        if (bytes.IsEmpty)
        {
            return DrpcReadStatus.NeedMore;
        }

        var status = Leb128.TryRead(bytes, ref size, out var stream);
        if (status != DrpcReadStatus.Done)
        {
            return status;
        }

        status = Leb128.TryRead(bytes, ref size, out var message);
        if (status != DrpcReadStatus.Done)
        {
            return status;
        }

        status = Leb128.TryRead(bytes, ref size, out var length);
        if (status != DrpcReadStatus.Done)
        {
            return status;
        }

        var control = bytes[0];
        header = new DrpcFrameHeader(
            (DrpcKind)((control >> 1) & 0x3f), (control & 1) != 0, (control & 0x80) != 0, stream, message, length);
        return DrpcReadStatus.Done;
    }

    /// <summary>Writes the header and returns its size in bytes.</summary>
    /// <param name="destination">At least <see cref="MaxSize"/> bytes.</param>
    public int Write(Span<byte> destination)
    {
        destination[0] = (byte)(((byte)Kind << 1) | (Done ? 1 : 0) | (Control ? 0x80 : 0));
        var size = 1;
        size += Leb128.Write(destination[size..], Stream);
        size += Leb128.Write(destination[size..], Message);
        size += Leb128.Write(destination[size..], Length);
        return size;
    }
}
