using System.Buffers;
using System.Numerics;
using System.Security.Cryptography;
using Relay.Streams.Wire;

namespace Relay.Streams.Resumption;

/// <summary>
/// The client's frames of a terminal: hands them on as they are, and after a change of the API server begins with the last size and the
/// first JSON object that begins thereafter, be it in the middle of a frame. Control frames pass whole. Holds nothing but a ping.
/// </summary>
internal sealed class TerminalInputFrames
{
    private readonly TerminalSizes _sizes = new();
    private long _left;
    private long _offset;
    private uint _key;
    private bool _isMasked;
    private bool _isFinal;

    // Whether the server has all from the beginning of some object on; and whether its next frame begins a message for it.
    private bool _isSynced = true;
    private bool _beginsMessage;
    private byte[]? _ping;

    /// <summary>The last size that the client told.</summary>
    public (int Height, int Width)? LastSize => _sizes.Last;

    /// <summary>Whether the client's close frame has come.</summary>
    public bool CloseSeen { get; private set; }

    /// <summary>The last ping that no server got; once. An older one need not be answered (RFC 6455 §5.5.3).</summary>
    public byte[]? TakePing()
    {
        var ping = _ping;
        _ping = null;
        return ping;
    }

    /// <summary>A new API server: it gets the size, and then only whole objects.</summary>
    public void BeginServer(IBufferWriter<byte> output)
    {
        (_isSynced, _beginsMessage) = (false, true);
        if (_sizes.Last is not { } size)
        {
            return;
        }

        Span<byte> json = stackalloc byte[40];
        System.Text.Unicode.Utf8.TryWrite(json, System.Globalization.CultureInfo.InvariantCulture, $"{{\"height\":{size.Height},\"width\":{size.Width}}}", out var length);
        Span<byte> key = stackalloc byte[4];
        RandomNumberGenerator.Fill(key);
        FrameHeader.Write(output, FrameHeader.Binary, final: true, length, BitConverter.ToUInt32(key));
        for (var i = 0; i < length; i++)
        {
            json[i] ^= key[i & 3];
        }

        output.Write(json[..length]);
    }

    /// <summary>Takes what it can of the buffer, and hands it on; without an output it is followed and dropped.</summary>
    /// <returns>False for what are no frames.</returns>
    public bool Take(ref ReadOnlySequence<byte> buffer, IBufferWriter<byte>? output)
    {
        while (!buffer.IsEmpty)
        {
            if (_left > 0)
            {
                TakePayload(ref buffer, output);
                continue;
            }

            var status = FrameHeader.TryRead(buffer, out var header);
            if (status != FrameHeaderStatus.Ok)
            {
                return status == FrameHeaderStatus.NeedMore;
            }

            if (header.IsControl)
            {
                var whole = header.Size + header.Length;
                if (buffer.Length < whole)
                {
                    return true;
                }

                Copy(buffer.Slice(0, whole), output);
                if (output is null && header.Opcode == FrameHeader.Ping)
                {
                    _ping = Unmask(buffer.Slice(header.Size, header.Length), header.Key ?? 0);
                }

                buffer = buffer.Slice(whole);
                CloseSeen |= header.Opcode == FrameHeader.Close;
                continue;
            }

            BeginFrame(header, output);
            buffer = buffer.Slice(header.Size);
        }

        return true;
    }

    private void BeginFrame(in FrameHeader header, IBufferWriter<byte>? output)
    {
        (_left, _offset, _isFinal, _isMasked, _key) = (header.Length, 0, header.Final, header.Key is not null, header.Key ?? 0);
        if (output is null)
        {
            return;
        }

        _isSynced |= _sizes.AtBoundary;
        if (_isSynced)
        {
            WriteHeader(output, header.Opcode);
        }
    }

    private void TakePayload(ref ReadOnlySequence<byte> buffer, IBufferWriter<byte>? output)
    {
        var part = buffer.Slice(0, Math.Min(buffer.Length, _left));
        foreach (var segment in part)
        {
            TakePayload(segment.Span, output);
        }

        buffer = buffer.Slice(part.Length);
    }

    private void TakePayload(ReadOnlySpan<byte> bytes, IBufferWriter<byte>? output)
    {
        if (output is not null && !_isSynced)
        {
            while (!bytes.IsEmpty && !_sizes.AtBoundary)
            {
                Follow(bytes[..1]);
                bytes = bytes[1..];
            }

            if (_sizes.AtBoundary && _left > 0)
            {
                _isSynced = true;
                WriteHeader(output, FrameHeader.Binary);
            }
        }

        Follow(bytes);
        if (_isSynced && output is not null)
        {
            output.Write(bytes);
        }
    }

    /// <summary>A header for what is left of the frame.</summary>
    private void WriteHeader(IBufferWriter<byte> output, byte opcode)
    {
        var key = BitOperations.RotateRight(_key, 8 * (int)(_offset & 3));
        FrameHeader.Write(output, _beginsMessage && opcode == FrameHeader.Continuation ? FrameHeader.Binary : opcode, _isFinal, _left, _isMasked ? key : null);
        _beginsMessage = false;
    }

    private void Follow(ReadOnlySpan<byte> masked)
    {
        foreach (var value in masked)
        {
            _sizes.Take((byte)(value ^ (byte)(_key >> (8 * (int)(_offset++ & 3)))));
        }

        _left -= masked.Length;
    }

    private static byte[] Unmask(in ReadOnlySequence<byte> payload, uint key)
    {
        var bytes = payload.ToArray();
        for (var i = 0; i < bytes.Length; i++)
        {
            bytes[i] ^= (byte)(key >> (8 * (i & 3)));
        }

        return bytes;
    }

    private static void Copy(in ReadOnlySequence<byte> bytes, IBufferWriter<byte>? output)
    {
        if (output is null)
        {
            return;
        }

        foreach (var segment in bytes)
        {
            output.Write(segment.Span);
        }
    }
}
