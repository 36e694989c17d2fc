using System.Buffers;
using System.Buffers.Binary;
using Relay.Streams.Wire;

namespace Relay.Streams.Resumption;

/// <summary>What stands behind the API server's whole frames.</summary>
internal enum OutputStatus
{
    /// <summary>Nothing, or a frame that is awaited whole.</summary>
    More = 0,

    /// <summary>A part of a frame that is too long to be awaited: <see cref="TerminalOutputFrames.Cut"/>.</summary>
    Long,

    /// <summary>The close frame of a server that goes away, which is kept from the client.</summary>
    GoingAway,

    /// <summary>No frame.</summary>
    Invalid,
}

/// <summary>
/// The API server's frames of a terminal: how far the bytes may go on to the client, so that it stands on a boundary whenever the server
/// is lost. Whole frames pass as they are; of a long one, what has come goes on as a frame of its own.
/// </summary>
internal sealed class TerminalOutputFrames
{
    /// <summary>The longest payload whose frame is awaited whole, in bytes: API servers' frames have no longer ones.</summary>
    public const int LongestAwaited = 32 * 1024;

    // RFC 6455 §7.4 and its registry: codes with which a server says that another one, or itself soon, will do.
    private const int ServiceRestart = 1012;
    private const int TryAgainLater = 1013;

    // What is left of a frame that was cut, and the next part's opcode.
    private long _left;
    private byte _opcode;
    private bool _isFinal;

    // Within a message of several frames.
    private bool _isOpen;

    /// <summary>Whether the server has closed for good; what comes then is of no interest.</summary>
    public bool IsClosed { get; private set; }

    /// <summary>Takes the whole frames at the buffer's start: how many bytes they are, and what stands behind them.</summary>
    public long Take(in ReadOnlySequence<byte> buffer, out OutputStatus next)
    {
        next = OutputStatus.More;
        if (_left > 0)
        {
            next = buffer.IsEmpty ? OutputStatus.More : OutputStatus.Long;
            return 0;
        }

        var rest = buffer;
        while (!IsClosed && !rest.IsEmpty)
        {
            var status = FrameHeader.TryRead(rest, out var header);
            if (status != FrameHeaderStatus.Ok || !IsRight(header))
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
                if (GoesAway(rest.Slice(header.Size, header.Length)))
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

    /// <summary>Makes a frame of what has come of a long one, as much as there is room for.</summary>
    /// <param name="buffer">Begins with <see cref="OutputStatus.Long"/>.</param>
    /// <param name="room">Room for the frame; more than a header takes.</param>
    /// <returns>How many bytes of the buffer are in it, and how long it is.</returns>
    public (long Taken, int Written) Cut(in ReadOnlySequence<byte> buffer, Span<byte> room)
    {
        var rest = buffer;
        if (_left == 0)
        {
            _ = FrameHeader.TryRead(buffer, out var header);
            (_left, _opcode, _isFinal, _isOpen) = (header.Length, header.Opcode, header.Final, !header.Final);
            rest = buffer.Slice(header.Size);
        }

        var count = (int)Math.Min(Math.Min(rest.Length, _left), room.Length - FrameHeader.MaxSize);
        _left -= count;
        var size = FrameHeader.Write(room, _opcode, _isFinal && _left == 0, count, null);
        rest.Slice(0, count).CopyTo(room[size..]);
        _opcode = FrameHeader.Continuation;
        return (buffer.Length - rest.Length + count, size + count);
    }

    /// <summary>The server is lost: what has come of its last frame ends the message that it had begun. The next one begins anew.</summary>
    public void EndServer(in ReadOnlySequence<byte> tail, IBufferWriter<byte> output)
    {
        if (_left == 0 && FrameHeader.TryRead(tail, out var header) == FrameHeaderStatus.Ok && !header.IsControl && IsRight(header) && tail.Length > header.Size)
        {
            var payload = tail.Slice(header.Size);
            FrameHeader.Write(output, header.Opcode, final: true, payload.Length, null);
            foreach (var segment in payload)
            {
                output.Write(segment.Span);
            }
        }
        else if (_isOpen || _left > 0)
        {
            FrameHeader.Write(output, FrameHeader.Continuation, final: true, 0, null);
        }

        (_left, _isOpen) = (0, false);
    }

    // Servers do not mask (RFC 6455 §5.1).
    private bool IsRight(in FrameHeader header) =>
        header.Key is null && (header.IsControl || (header.Opcode == FrameHeader.Continuation) == _isOpen);

    private static bool GoesAway(in ReadOnlySequence<byte> payload)
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
