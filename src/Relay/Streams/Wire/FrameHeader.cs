using System.Buffers;
using System.Buffers.Binary;

namespace Relay.Streams.Wire;

/// <summary>The result of reading a frame's header.</summary>
internal enum FrameHeaderStatus
{
    /// <summary>The header is incomplete.</summary>
    NeedMore = 0,

    /// <summary>The header is complete and valid.</summary>
    Ok,

    /// <summary>The bytes are no frame of a WebSocket without extensions.</summary>
    Invalid,
}

/// <summary>A WebSocket frame's header (RFC 6455 §5.2), where no extension was negotiated.</summary>
/// <param name="Opcode">The opcode.</param>
/// <param name="Final">Whether the message ends with the frame.</param>
/// <param name="Length">The payload's length in bytes.</param>
/// <param name="Key">The masking key, whose first byte is the lowest; null without a mask.</param>
/// <param name="Size">The header's own size in bytes.</param>
internal readonly record struct FrameHeader(byte Opcode, bool Final, long Length, uint? Key, int Size)
{
    public const byte Continuation = 0;
    public const byte Binary = 2;
    public const byte Close = 8;
    public const byte Ping = 9;
    public const byte Pong = 10;

    /// <summary>The longest header in bytes.</summary>
    public const int MaxSize = 14;

    public bool IsControl => Opcode >= Close;

    /// <summary>Reads the header at the buffer's start, without consuming it.</summary>
    public static FrameHeaderStatus TryRead(in ReadOnlySequence<byte> buffer, out FrameHeader header)
    {
        var first = buffer.FirstSpan;
        if (first.Length >= MaxSize || buffer.IsSingleSegment)
        {
            return TryRead(first, out header);
        }

        Span<byte> copy = stackalloc byte[MaxSize];
        var have = (int)Math.Min(buffer.Length, MaxSize);
        buffer.Slice(0, have).CopyTo(copy);
        return TryRead(copy[..have], out header);
    }

    /// <summary>Reads the header at the bytes' start.</summary>
    public static FrameHeaderStatus TryRead(ReadOnlySpan<byte> bytes, out FrameHeader header)
    {
        header = default;
        if (bytes.Length < 2)
        {
            return FrameHeaderStatus.NeedMore;
        }

        var opcode = (byte)(bytes[0] & 0x0F);
        var final = (bytes[0] & 0x80) != 0;
        var length = (ulong)bytes[1] & 0x7F;
        if ((bytes[0] & 0x70) != 0 || opcode is (> 2 and < 8) or > 10 || (opcode >= Close && (!final || length > 125)))
        {
            return FrameHeaderStatus.Invalid;
        }

        var more = length switch { 126 => 2, 127 => 8, _ => 0 };
        var isMasked = (bytes[1] & 0x80) != 0;
        var size = 2 + more + (isMasked ? 4 : 0);
        if (bytes.Length < size)
        {
            return FrameHeaderStatus.NeedMore;
        }

        length = more switch
        {
            2 => BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]),
            8 => BinaryPrimitives.ReadUInt64BigEndian(bytes[2..]),
            _ => length,
        };
        if (length > long.MaxValue)
        {
            return FrameHeaderStatus.Invalid;
        }

        uint? key = isMasked ? BinaryPrimitives.ReadUInt32LittleEndian(bytes[(2 + more)..]) : null;
        header = new FrameHeader(opcode, final, (long)length, key, size);
        return FrameHeaderStatus.Ok;
    }

    /// <summary>Writes a header in its shortest form.</summary>
    public static void Write(IBufferWriter<byte> output, byte opcode, bool final, long length, uint? key) =>
        output.Advance(Write(output.GetSpan(MaxSize), opcode, final, length, key));

    /// <summary>Writes a header in its shortest form into at least <see cref="MaxSize"/> bytes, and returns its size.</summary>
    public static int Write(Span<byte> destination, byte opcode, bool final, long length, uint? key)
    {
        var mask = (byte)(key is null ? 0 : 0x80);
        destination[0] = (byte)((final ? 0x80 : 0) | opcode);
        var size = 2;
        if (length < 126)
        {
            destination[1] = (byte)(mask | (byte)length);
        }
        else if (length <= ushort.MaxValue)
        {
            destination[1] = (byte)(mask | 126);
            BinaryPrimitives.WriteUInt16BigEndian(destination[2..], (ushort)length);
            size = 4;
        }
        else
        {
            destination[1] = (byte)(mask | 127);
            BinaryPrimitives.WriteInt64BigEndian(destination[2..], length);
            size = 10;
        }

        if (key is { } bytes)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(destination[size..], bytes);
            size += 4;
        }

        return size;
    }
}
