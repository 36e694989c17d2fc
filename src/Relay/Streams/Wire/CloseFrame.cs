using System.Buffers.Binary;

namespace Relay.Streams.Wire;

/// <summary>Writes WebSocket close frames (RFC 6455 §5.5.1).</summary>
public static class CloseFrame
{
    /// <summary>"Going away" (RFC 6455 §7.4.1): the server shuts down, and clients reconnect.</summary>
    public const ushort GoingAway = 1001;

    /// <summary>The longest reason in bytes: a control frame has 125 bytes of payload, of which the code takes two.</summary>
    public const int MaxReasonBytes = 123;

    /// <summary>The size of the longest close frame in bytes.</summary>
    public const int MaxSize = 2 + 4 + 2 + MaxReasonBytes;

    private const byte FinalClose = 0x88;

    /// <summary>Writes a close frame as servers send it, unmasked.</summary>
    /// <param name="destination">At least <see cref="MaxSize"/> bytes.</param>
    /// <param name="code">The close code.</param>
    /// <param name="utf8Reason">The reason in UTF-8, at most <see cref="MaxReasonBytes"/> bytes.</param>
    /// <returns>The frame's size in bytes.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The reason is too long.</exception>
    public static int Write(Span<byte> destination, ushort code, ReadOnlySpan<byte> utf8Reason)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(utf8Reason.Length, MaxReasonBytes, nameof(utf8Reason));
        destination[0] = FinalClose;
        destination[1] = (byte)(2 + utf8Reason.Length);
        WritePayload(destination[2..], code, utf8Reason);
        return 4 + utf8Reason.Length;
    }

    /// <summary>Writes a close frame as clients send it, masked.</summary>
    /// <param name="destination">At least <see cref="MaxSize"/> bytes.</param>
    /// <param name="code">The close code.</param>
    /// <param name="utf8Reason">The reason in UTF-8, at most <see cref="MaxReasonBytes"/> bytes.</param>
    /// <param name="maskingKey">A key that the peers cannot predict (RFC 6455 §5.3).</param>
    /// <returns>The frame's size in bytes.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The reason is too long.</exception>
    public static int WriteMasked(Span<byte> destination, ushort code, ReadOnlySpan<byte> utf8Reason, uint maskingKey)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(utf8Reason.Length, MaxReasonBytes, nameof(utf8Reason));
        destination[0] = FinalClose;
        destination[1] = (byte)(0x80 | (2 + utf8Reason.Length));
        var key = destination.Slice(2, 4);
        BinaryPrimitives.WriteUInt32BigEndian(key, maskingKey);
        var payload = destination.Slice(6, 2 + utf8Reason.Length);
        WritePayload(payload, code, utf8Reason);
        for (var i = 0; i < payload.Length; i++)
        {
            payload[i] ^= key[i & 3];
        }

        return 6 + payload.Length;
    }

    private static void WritePayload(Span<byte> destination, ushort code, ReadOnlySpan<byte> utf8Reason)
    {
        BinaryPrimitives.WriteUInt16BigEndian(destination, code);
        utf8Reason.CopyTo(destination[2..]);
    }
}
