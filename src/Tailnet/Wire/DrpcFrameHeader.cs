namespace Tailnet.Wire;

/// <summary>What a dRPC packet is (tailnet protocol document §3.4).</summary>
public enum DrpcKind : byte
{
    /// <summary>Starts an rpc: the UTF-8 path.</summary>
    Invoke = 1,

    /// <summary>A protobuf message.</summary>
    Message = 2,

    /// <summary>The rpc failed: a big-endian u64 code, then UTF-8 text.</summary>
    Error = 3,

    /// <summary>The caller gave up; carries the control bit.</summary>
    Cancel = 4,

    /// <summary>The whole rpc is over.</summary>
    Close = 5,

    /// <summary>The sender has no more messages.</summary>
    CloseSend = 6,

    /// <summary>Names and values that go with the next Invoke.</summary>
    InvokeMetadata = 7,
}

/// <summary>What came of trying to read a piece of a stream.</summary>
public enum DrpcReadStatus
{
    /// <summary>The bytes end inside it.</summary>
    NeedMore,

    /// <summary>It was read.</summary>
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

/// <summary>The head of a dRPC frame: control byte, then stream id, message id and length as LEB128.</summary>
/// <param name="Kind">The packet's kind; may be one that this code does not know.</param>
/// <param name="Done">This is the packet's last frame.</param>
/// <param name="Control">Whoever does not know the kind ignores the packet.</param>
/// <param name="Stream">Which rpc of the connection, from 1.</param>
/// <param name="Message">Which packet of the direction, from 1.</param>
/// <param name="Length">Bytes of data that follow.</param>
public readonly record struct DrpcFrameHeader(DrpcKind Kind, bool Done, bool Control, ulong Stream, ulong Message, ulong Length)
{
    /// <summary>The longest head in bytes.</summary>
    public const int MaxSize = 1 + (3 * Leb128.MaxSize);

    /// <summary>Reads a head from the beginning of <paramref name="bytes"/>; never allocates, never throws.</summary>
    /// <param name="bytes">Bytes from a frame's beginning.</param>
    /// <param name="header">The head, when the answer is <see cref="DrpcReadStatus.Done"/>.</param>
    /// <param name="size">How many bytes it took.</param>
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

    /// <summary>Writes the head; the answer is its size in bytes.</summary>
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
