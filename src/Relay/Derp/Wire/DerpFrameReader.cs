using System.Buffers;

namespace Relay.Derp.Wire;

/// <summary>Cuts frames out of what has arrived, wherever it was split.</summary>
internal static class DerpFrameReader
{
    /// <summary>Takes the first frame, once all of it is there.</summary>
    /// <param name="buffer">What has arrived; the frame is cut off when there is one.</param>
    /// <param name="maxLength">The most bytes of payload.</param>
    /// <param name="header">The header, as soon as it is there.</param>
    /// <param name="payload">The payload.</param>
    /// <returns>Whether there is a frame, not yet, or never because it is too long.</returns>
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

    /// <summary>Reads a header that may be split.</summary>
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
