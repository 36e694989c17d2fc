using System.Buffers;
using System.Buffers.Binary;
using Relay.Streams.Wire;

namespace Relay.Derp.WebSockets;

/// <summary>
/// Takes the DERP bytes out of a client's WebSocket frames: unmasks binary messages, joins their fragments, answers pings. Where
/// a message begins or ends has no meaning (derp.md §1.4). Holds a buffer only while part of a DERP frame waits in it.
/// </summary>
internal sealed class WebSocketInput(WebSocketOutput output)
{
    /// <summary>The most bytes of a message's frame: a packet of 64 KiB with its key and header.</summary>
    public const int MaxFrame = (64 * 1024) + 37;

    /// <summary>Ends when the close frame has left, or cannot any more.</summary>
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

    /// <summary>The DERP bytes that wait.</summary>
    public ReadOnlySpan<byte> Bytes => _buffer.AsSpan(0, _count);

    /// <summary>Whether no more DERP bytes fit.</summary>
    public bool IsFull => _count == BufferLength;

    /// <summary>Whether the peer closed in order, by a close frame.</summary>
    public bool IsClosed { get; private set; }

    /// <summary>Takes frames out of what has arrived, up to a bufferful of DERP bytes.</summary>
    /// <param name="input">What has arrived; what was taken is cut off.</param>
    /// <returns>False when the peer broke the protocol, or closed; the output's close code says which.</returns>
    public bool TryRead(ref ReadOnlySequence<byte> input)
    {
        while (!input.IsEmpty)
        {
            if (_remaining > 0)
            {
                if (_opcode < 8 && _count == BufferLength)
                {
                    return true; // Full: the caller empties it first.
                }

                Take(ref input);
                if (_remaining == 0 && _opcode >= 8 && !EndControl())
                {
                    return false;
                }
            }
            else if (!TryHeader(ref input, out var good))
            {
                return good;
            }
        }

        return true;
    }

    /// <summary>Forgets DERP bytes that were used.</summary>
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

    /// <summary>Gives the buffer back at the end.</summary>
    public void Release() => Consume(_count);

    // Twice the longest DERP frame, so that a frame always fits behind what is left of the one before.
    private static int BufferLength => 2 * 66_048;

    // Returns false to stop: with good when more bytes are needed, without when the peer broke the protocol.
    private bool TryHeader(ref ReadOnlySequence<byte> input, out bool good)
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

        // Reserved bits, an unmasked frame, a control frame that is long or in parts, text, a continuation of nothing.
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

    private void Take(ref ReadOnlySequence<byte> input)
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
            output.Control(10, _control.AsSpan(0, _controlCount));
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
