using System.Buffers;

namespace Relay.Derp.Wire;

/// <summary>Cuts received bytes into frames, wherever the segments are split.</summary>
internal static class DerpFrameReader
{
    /// <summary>Reads the first frame, if it is complete.</summary>
    /// <param name="buffer">The received bytes; a complete frame is sliced off.</param>
    /// <param name="maxLength">The longest allowed payload in bytes.</param>
    /// <param name="header">The header, if it is complete.</param>
    /// <param name="payload">The payload, if the frame is complete.</param>
    /// <returns>Whether the frame is complete, incomplete or too long.</returns>
    public static DerpFrameStatus TryRead(
        ref ReadOnlySequence<byte> buffer, int maxLength, out DerpFrameHeader header, out ReadOnlySequence<byte> payload)
    {
        payload = default;
        header = default;
        if (!TryReadHeader(buffer, out header))
        {
            return DerpFrameStatus.NeedMore;
        }

        if (header.Length > maxLength)
        {
            return DerpFrameStatus.TooLong;
        }

        var end = DerpProtocol.HeaderLength + (long)header.Length;
        if (buffer.Length < end)
        {
            return DerpFrameStatus.NeedMore;
        }

        payload = buffer.Slice(DerpProtocol.HeaderLength, header.Length);
        buffer = buffer.Slice(end);
        return DerpFrameStatus.Frame;
    }

    /// <summary>Reads a header that may be split over segments.</summary>
    public static bool TryReadHeader(in ReadOnlySequence<byte> buffer, out DerpFrameHeader header)
    {
        if (DerpFrameHeader.TryRead(buffer.FirstSpan, out header))
        {
            return true;
        }

        if (buffer.Length < DerpProtocol.HeaderLength)
        {
            return false;
        }

        Span<byte> bytes = stackalloc byte[DerpProtocol.HeaderLength];
        buffer.Slice(0, DerpProtocol.HeaderLength).CopyTo(bytes);
        return DerpFrameHeader.TryRead(bytes, out header);
    }
}
