using System.Buffers;
using System.Buffers.Binary;
using Relay.Streams.Wire;

namespace Relay.Derp.WebSockets;

/// <summary>
/// Extracts the DERP bytes from a client's WebSocket frames: unmasks binary messages, joins their fragments, answers pings. The boundaries
/// of messages have no meaning (derp.md §1.4). A buffer is rented only while it holds a part of a DERP frame.
/// </summary>
internal sealed class WebSocketInput(WebSocketOutput output)
{
    /// <summary>The longest payload of a WebSocket frame in bytes: a packet of 64 KiB with its key and DERP header.</summary>
    public const int MaxFrame = (64 * 1024) + 37;

    /// <summary>Completes when the close frame is sent, or can no longer be sent.</summary>
    public Task Ended => output.Ended;

    private const int MaxHeader = 14;
    private readonly byte[] _control = new byte[125];
    private byte[]? _buffer;
    private int _count;
    private int _remaining;
    private uint _mask;
    private int _maskAt;
    private byte _opcode;
    private int _controlCount;
    private bool _inMessage;

    /// <summary>The DERP bytes in the buffer.</summary>
    public ReadOnlySpan<byte> Bytes => _buffer.AsSpan(0, _count);

    /// <summary>Whether the buffer is full.</summary>
    public bool IsFull => _count == BufferLength;

    /// <summary>Whether the peer has sent a close frame.</summary>
    public bool IsClosed { get; private set; }

    /// <summary>Reads WebSocket frames until the input is used up or the buffer is full.</summary>
    /// <param name="input">The received bytes; used bytes are sliced off.</param>
    /// <returns>False when the peer has violated the protocol or closed; the output's close code says which.</returns>
    public bool TryRead(ref ReadOnlySequence<byte> input)
    {
        while (!input.IsEmpty)
        {
            if (_remaining > 0)
            {
                if (_opcode < 8 && _count == BufferLength)
                {
                    return true; // The buffer is full; the caller consumes it first.
                }

                TakePayload(ref input);
                if (_remaining == 0 && _opcode >= 8 && !EndControl())
                {
                    return false;
                }
            }
            else if (!TryReadHeader(ref input, out var good))
            {
                return good;
            }
        }

        return true;
    }

    /// <summary>Removes used DERP bytes from the buffer.</summary>
    public void Consume(int bytes)
    {
        _count -= bytes;
        if (_count > 0)
        {
            _buffer.AsSpan(bytes, _count).CopyTo(_buffer);
        }
        else if (_buffer is not null)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = null;
        }
    }

    /// <summary>Returns the buffer to its pool at the end.</summary>
    public void Release() => Consume(_count);

    // Twice the longest DERP frame, so that a frame always fits after the rest of the one before.
    private static int BufferLength => 2 * 66_048;

    // Returns false to stop: with good if more bytes are needed, without it if the peer has violated the protocol.
    private bool TryReadHeader(ref ReadOnlySequence<byte> input, out bool good)
    {
        Span<byte> header = stackalloc byte[MaxHeader];
        var available = (int)Math.Min(input.Length, MaxHeader);
        input.Slice(0, available).CopyTo(header);
        good = true;
        if (available < 2)
        {
            return false;
        }

        var length = header[1] & 0x7f;
        var extended = length == 126 ? 2 : length == 127 ? 8 : 0;
        var opcode = (byte)(header[0] & 0x0f);
        var final = (header[0] & 0x80) != 0;

        // Invalid: reserved bits, an unmasked frame, a long or fragmented control frame, text, a continuation without a message.
        good = (header[0] & 0x70) == 0
            && (header[1] & 0x80) != 0
            && (opcode is 0 or 2 ? opcode == 0 == _inMessage : opcode is 8 or 9 or 10 && final && extended == 0);
        if (!good)
        {
            output.CloseCode = opcode == 1 ? (ushort)1003 : (ushort)1002;
            return false;
        }

        if (available < 2 + extended + 4)
        {
            return false;
        }

        var size = extended switch
        {
            2 => BinaryPrimitives.ReadUInt16BigEndian(header[2..]),
            8 => BinaryPrimitives.ReadUInt64BigEndian(header[2..]),
            _ => (ulong)length,
        };
        if (size > MaxFrame)
        {
            output.CloseCode = 1009;
            good = false;
            return false;
        }

        _mask = BinaryPrimitives.ReadUInt32LittleEndian(header[(2 + extended)..]);
        (_maskAt, _remaining, _opcode, _controlCount) = (0, (int)size, opcode, 0);
        _inMessage = opcode >= 8 ? _inMessage : !final;
        input = input.Slice(2 + extended + 4);
        good = _remaining > 0 || opcode < 8 || EndControl();
        return good;
    }

    private void TakePayload(ref ReadOnlySequence<byte> input)
    {
        var source = input.FirstSpan;
        var isControl = _opcode >= 8;
        if (!isControl)
        {
            _buffer ??= ArrayPool<byte>.Shared.Rent(BufferLength);
        }

        var target = isControl ? _control.AsSpan(_controlCount) : _buffer.AsSpan(_count, BufferLength - _count);
        var length = Math.Min(Math.Min(source.Length, _remaining), target.Length);
        Mask.Apply(source[..length], target, _mask, _maskAt);
        _maskAt = (_maskAt + length) & 3;
        _remaining -= length;
        if (isControl)
        {
            _controlCount += length;
        }
        else
        {
            _count += length;
        }

        input = input.Slice(length);
    }

    private bool EndControl()
    {
        if (_opcode == 9)
        {
            output.QueueControl(10, _control.AsSpan(0, _controlCount));
        }
        else if (_opcode == 8)
        {
            IsClosed = true;
            output.CloseCode = 1000;
            return false;
        }

        return true;
    }
}
