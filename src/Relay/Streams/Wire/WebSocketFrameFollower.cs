using System.Buffers.Binary;

namespace Relay.Streams.Wire;

/// <summary>
/// Follows the frame headers (RFC 6455 §5.2) of one direction of a WebSocket, in any split, to find where frames end. Payloads are neither
/// read nor changed, except for the two bytes of a close frame's code. Reserved bits belong to extensions and are allowed. A mutable
/// struct: keep it in a field, and do not copy it.
/// </summary>
public struct WebSocketFrameFollower
{
    /// <summary>The close code of a close frame without a code (RFC 6455 §7.1.5).</summary>
    public const int NoCloseCode = 1005;

    private const int FirstControlOpcode = 8;
    private const int CloseOpcode = 8;
    private const int FastHeaderBytes = 8;

    private Stage _stage;
    private byte _opcode;
    private bool _masked;
    private byte _headerLeft;
    private byte _closeBytes;
    private bool _closeSeen;
    private ushort _closeCode;
    private uint _mask;
    private ulong _remaining;

    private enum Stage : byte
    {
        First,
        Second,
        ShortLength,
        LongLength,
        Mask,
        Payload,
        Failed,
    }

    /// <summary>True between frames. Another frame may be inserted here, also between the fragments of a message.</summary>
    public readonly bool AtBoundary => _stage == Stage.First;

    /// <summary>True once a close frame has passed whole.</summary>
    public readonly bool CloseSeen => _closeSeen;

    /// <summary>The code of the close frame, or <see cref="NoCloseCode"/> if it had none; null before a close frame.</summary>
    public readonly int? CloseCode => !_closeSeen ? null : _closeBytes < 2 ? NoCloseCode : _closeCode;

    /// <summary>Takes the next bytes of the direction.</summary>
    /// <param name="bytes">Any piece of the byte stream, of any length.</param>
    /// <returns><see cref="FollowStatus.ProtocolError"/> from the first byte that breaks the framing, and for ever after.</returns>
    public FollowStatus Advance(ReadOnlySpan<byte> bytes) => Advance(bytes, out _);

    /// <summary>Takes the next bytes of the direction, and returns the last frame boundary among them.</summary>
    /// <param name="bytes">Any piece of the byte stream, of any length.</param>
    /// <param name="lastBoundary">
    /// The number of bytes before the last boundary: 0 when the bytes begin at a boundary and end no frame, -1 without a boundary.
    /// </param>
    /// <returns><see cref="FollowStatus.ProtocolError"/> from the first byte that breaks the framing, and for ever after.</returns>
    public FollowStatus Advance(ReadOnlySpan<byte> bytes, out int lastBoundary)
    {
        lastBoundary = AtBoundary ? 0 : -1;
        var at = 0;
        while (at < bytes.Length)
        {
            if (_stage == Stage.Payload)
            {
                at += Payload(bytes[at..]);
            }
            else if (_stage == Stage.First && FastHeader(bytes[at..]) is > 0 and var size)
            {
                at += size;
            }
            else if (!HeaderByte(bytes[at++]))
            {
                _stage = Stage.Failed;
                return FollowStatus.ProtocolError;
            }

            if (_stage == Stage.First)
            {
                lastBoundary = at;
            }
        }

        return _stage == Stage.Failed ? FollowStatus.ProtocolError : FollowStatus.Ok;
    }

    private int Payload(ReadOnlySpan<byte> rest)
    {
        var step = (int)Math.Min((ulong)rest.Length, _remaining);
        if (_opcode == CloseOpcode && !_closeSeen)
        {
            CaptureCloseCode(rest[..step]);
        }

        _remaining -= (ulong)step;
        if (_remaining == 0)
        {
            EndFrame();
        }

        return step;
    }

    /// <summary>Reads the whole header of a common frame at once. Returns its size, or 0 if the header must be read byte by byte.</summary>
    private int FastHeader(ReadOnlySpan<byte> rest)
    {
        // Continuation, text and binary frames only; all others need checks and take the slow path.
        if (rest.Length < FastHeaderBytes || (rest[0] & 0x0F) > 2)
        {
            return 0;
        }

        int size;
        uint length = (uint)rest[1] & 0x7F;
        if (length < 126)
        {
            size = 2;
        }
        else if (length == 126)
        {
            length = BinaryPrimitives.ReadUInt16BigEndian(rest[2..]);
            size = 4;
        }
        else
        {
            return 0;
        }

        _opcode = (byte)(rest[0] & 0x0F);
        _remaining = length;
        _stage = length == 0 ? Stage.First : Stage.Payload;
        return size + (rest[1] >> 7 << 2);
    }

    private bool HeaderByte(byte value)
    {
        switch (_stage)
        {
            case Stage.First:
                _opcode = (byte)(value & 0x0F);
                _stage = Stage.Second;
                var final = (value & 0x80) != 0;
                return _opcode is <= 2 or (>= 8 and <= 10) && (final || _opcode < FirstControlOpcode);

            case Stage.Second:
                return SecondByte(value);

            case Stage.ShortLength:
            case Stage.LongLength:
                _remaining = (_remaining << 8) | value;
                if (--_headerLeft == 0)
                {
                    if (_stage == Stage.LongLength && _remaining >> 63 != 0)
                    {
                        return false;
                    }

                    EnterMask();
                }

                return true;

            case Stage.Mask:
                _mask = (_mask << 8) | value;
                if (--_headerLeft == 0)
                {
                    EnterPayload();
                }

                return true;

            default:
                return false;
        }
    }

    private bool SecondByte(byte value)
    {
        _masked = (value & 0x80) != 0;
        var length = value & 0x7F;
        if (length > 125)
        {
            _remaining = 0;
            _headerLeft = (byte)(length == 126 ? 2 : 8);
            _stage = length == 126 ? Stage.ShortLength : Stage.LongLength;
            return _opcode < FirstControlOpcode;
        }

        _remaining = (ulong)length;
        EnterMask();
        return true;
    }

    private void EnterMask()
    {
        _mask = 0;
        if (_masked)
        {
            _headerLeft = 4;
            _stage = Stage.Mask;
        }
        else
        {
            EnterPayload();
        }
    }

    private void EnterPayload()
    {
        if (_remaining == 0)
        {
            EndFrame();
        }
        else
        {
            _stage = Stage.Payload;
        }
    }

    private void EndFrame()
    {
        _stage = Stage.First;
        _closeSeen |= _opcode == CloseOpcode;
    }

    private void CaptureCloseCode(ReadOnlySpan<byte> payload)
    {
        foreach (var value in payload)
        {
            if (_closeBytes == 2)
            {
                return;
            }

            var key = (byte)(_mask >> (24 - (8 * _closeBytes)));
            _closeCode = (ushort)((_closeCode << 8) | (byte)(value ^ key));
            _closeBytes++;
        }
    }
}
