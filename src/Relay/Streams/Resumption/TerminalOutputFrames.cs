using System.Buffers;
using System.Buffers.Binary;
using Relay.Streams.Wire;

namespace Relay.Streams.Resumption;

/// <summary>The bytes after the API server's whole frames.</summary>
internal enum OutputStatus
{
    /// <summary>Nothing, or the beginning of a frame that is forwarded once it is complete.</summary>
    More = 0,

    /// <summary>The beginning of a frame that is too long to wait for: <see cref="TerminalOutputFrames.Cut"/>.</summary>
    Long,

    /// <summary>The close frame of a server that shuts down; it is not forwarded to the client.</summary>
    GoingAway,

    /// <summary>The bytes are no frame.</summary>
    Invalid,
}

/// <summary>
/// Decides how much of the API server's bytes may be forwarded, so that the client is always at a frame boundary when the server is lost.
/// Whole frames pass unchanged. Of a long frame, the part that has arrived is forwarded as a frame of its own.
/// </summary>
internal sealed class TerminalOutputFrames
{
    /// <summary>The longest payload, in bytes, of a frame that is forwarded only when complete. API servers send no longer ones.</summary>
    public const int LongestAwaited = 32 * 1024;

    // RFC 6455 §7.4 and its registry: with these codes a server says that the client may connect to another server, or again later.
    private const int ServiceRestart = 1012;
    private const int TryAgainLater = 1013;

    // The remaining payload of a frame that was cut, and the opcode of the next part.
    private long _remaining;
    private byte _opcode;
    private bool _isFinal;

    // Within a message of several frames.
    private bool _isOpen;

    /// <summary>Whether the server has closed the terminal; later bytes are ignored.</summary>
    public bool IsClosed { get; private set; }

    /// <summary>Follows the whole frames at the buffer's start. Returns their size in bytes, and what comes after them.</summary>
    public long Take(in ReadOnlySequence<byte> buffer, out OutputStatus next)
    {
        next = OutputStatus.More;
        if (_remaining > 0)
        {
            next = buffer.IsEmpty ? OutputStatus.More : OutputStatus.Long;
            return 0;
        }

        var rest = buffer;
        while (!IsClosed && !rest.IsEmpty)
        {
            var status = FrameHeader.TryRead(rest, out var header);
            if (status != FrameHeaderStatus.Ok || !IsValid(header))
            {
                next = status == FrameHeaderStatus.NeedMore ? OutputStatus.More : OutputStatus.Invalid;
                break;
            }

            var payload = rest.Length - header.Size;
            if (payload < header.Length)
            {
                next = header.Length > LongestAwaited && payload > 0 ? OutputStatus.Long : OutputStatus.More;
                break;
            }

            if (header.Opcode == FrameHeader.Close)
            {
                if (IsGoingAway(rest.Slice(header.Size, header.Length)))
                {
                    next = OutputStatus.GoingAway;
                    break;
                }

                IsClosed = true;
            }
            else if (!header.IsControl)
            {
                _isOpen = !header.Final;
            }

            rest = rest.Slice(header.Size + header.Length);
        }

        return buffer.Length - rest.Length;
    }

    /// <summary>Writes a frame with the part of a long frame that has arrived, as much as fits.</summary>
    /// <param name="buffer">Begins with <see cref="OutputStatus.Long"/>.</param>
    /// <param name="destination">Space for the frame; longer than a header.</param>
    /// <returns>How many bytes of the buffer were used, and the size of the written frame.</returns>
    public (long Consumed, int Written) Cut(in ReadOnlySequence<byte> buffer, Span<byte> destination)
    {
        var rest = buffer;
        if (_remaining == 0)
        {
            _ = FrameHeader.TryRead(buffer, out var header);
            (_remaining, _opcode, _isFinal, _isOpen) = (header.Length, header.Opcode, header.Final, !header.Final);
            rest = buffer.Slice(header.Size);
        }

        var count = (int)Math.Min(Math.Min(rest.Length, _remaining), destination.Length - FrameHeader.MaxSize);
        _remaining -= count;
        var size = FrameHeader.Write(destination, _opcode, _isFinal && _remaining == 0, count, null);
        rest.Slice(0, count).CopyTo(destination[size..]);
        _opcode = FrameHeader.Continuation;
        return (buffer.Length - rest.Length + count, size + count);
    }

    /// <summary>
    /// Ends the message that the lost server had begun, with the part of its last frame that has arrived. The next server begins a new
    /// message.
    /// </summary>
    public void EndServer(in ReadOnlySequence<byte> tail, IBufferWriter<byte> output)
    {
        if (_remaining == 0
            && FrameHeader.TryRead(tail, out var header) == FrameHeaderStatus.Ok
            && !header.IsControl
            && IsValid(header)
            && tail.Length > header.Size)
        {
            var payload = tail.Slice(header.Size);
            FrameHeader.Write(output, header.Opcode, final: true, payload.Length, null);
            foreach (var segment in payload)
            {
                output.Write(segment.Span);
            }
        }
        else if (_isOpen || _remaining > 0)
        {
            FrameHeader.Write(output, FrameHeader.Continuation, final: true, 0, null);
        }

        (_remaining, _isOpen) = (0, false);
    }

    // Servers do not mask (RFC 6455 §5.1).
    private bool IsValid(in FrameHeader header) =>
        header.Key is null && (header.IsControl || (header.Opcode == FrameHeader.Continuation) == _isOpen);

    private static bool IsGoingAway(in ReadOnlySequence<byte> payload)
    {
        if (payload.Length < 2)
        {
            return false;
        }

        Span<byte> code = stackalloc byte[2];
        payload.Slice(0, 2).CopyTo(code);
        return BinaryPrimitives.ReadUInt16BigEndian(code) is CloseFrame.GoingAway or ServiceRestart or TryAgainLater;
    }
}
