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
        Mask.Apply(json[..length], json, BitConverter.ToUInt32(key), 0);
        output.Write(json[..length]);
    }

    /// <summary>Takes what it can of the buffer, and hands it on; without an output it is followed and dropped.</summary>
    /// <returns>False for what are no frames.</returns>
    public bool Take(ref ReadOnlySequence<byte> buffer, IBufferWriter<byte>? output)
    {
        // What goes on as it is goes on in one piece: from here to where the buffer begins.
        var run = buffer;
        var isRight = TakeFrames(ref buffer, ref run, output);
        Pass(ref run, buffer, output);
        return isRight;
    }

    private bool TakeFrames(ref ReadOnlySequence<byte> buffer, ref ReadOnlySequence<byte> run, IBufferWriter<byte>? output)
    {
        while (!buffer.IsEmpty)
        {
            if (_left > 0)
            {
                TakePayload(ref buffer, ref run, output);
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

                if (output is null && header.Opcode == FrameHeader.Ping)
                {
                    _ping = Unmask(buffer.Slice(header.Size, header.Length), header.Key ?? 0);
                }

                buffer = buffer.Slice(whole);
                CloseSeen |= header.Opcode == FrameHeader.Close;
                continue;
            }

            BeginFrame(header, ref buffer, ref run, output);
        }

        return true;
    }

    private void BeginFrame(in FrameHeader header, ref ReadOnlySequence<byte> buffer, ref ReadOnlySequence<byte> run, IBufferWriter<byte>? output)
    {
        (_left, _offset, _isFinal, _isMasked, _key) = (header.Length, 0, header.Final, header.Key is not null, header.Key ?? 0);
        if (output is null || _isSynced)
        {
            buffer = buffer.Slice(header.Size);
            return;
        }

        Pass(ref run, buffer, output);
        run = buffer = buffer.Slice(header.Size);
        _isSynced |= _sizes.AtBoundary;
        if (_isSynced)
        {
            WriteHeader(output, header.Opcode);
        }
    }

    private void TakePayload(ref ReadOnlySequence<byte> buffer, ref ReadOnlySequence<byte> run, IBufferWriter<byte>? output)
    {
        var part = buffer.Slice(0, Math.Min(buffer.Length, _left));
        var isNext = output is not null && !_isSynced;
        foreach (var segment in part)
        {
            if (isNext)
            {
                AwaitObject(segment.Span, output!);
            }
            else
            {
                Follow(segment.Span);
            }
        }

        buffer = buffer.Slice(part.Length);
        if (isNext)
        {
            run = buffer;
        }
    }

    /// <summary>Payload of which a new API server gets what comes after the object that the one before had begun to get.</summary>
    private void AwaitObject(ReadOnlySpan<byte> bytes, IBufferWriter<byte> output)
    {
        while (!_isSynced && !bytes.IsEmpty && !_sizes.AtBoundary)
        {
            Follow(bytes[..1]);
            bytes = bytes[1..];
        }

        if (!_isSynced && _sizes.AtBoundary && _left > 0)
        {
            _isSynced = true;
            WriteHeader(output, FrameHeader.Binary);
        }

        Follow(bytes);
        if (_isSynced)
        {
            output.Write(bytes);
        }
    }

    /// <summary>Hands on the run, which ends where the rest begins, unless nobody is to get it.</summary>
    private static void Pass(ref ReadOnlySequence<byte> run, in ReadOnlySequence<byte> rest, IBufferWriter<byte>? output)
    {
        if (output is not null)
        {
            foreach (var segment in run.Slice(run.Start, rest.Start))
            {
                output.Write(segment.Span);
            }
        }

        run = rest;
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
        Span<byte> clear = stackalloc byte[256];
        while (!masked.IsEmpty)
        {
            var part = masked[..Math.Min(masked.Length, clear.Length)];
            Mask.Apply(part, clear, _key, (int)(_offset & 3));
            _sizes.Take(clear[..part.Length]);
            (_offset, _left) = (_offset + part.Length, _left - part.Length);
            masked = masked[part.Length..];
        }
    }

    private static byte[] Unmask(in ReadOnlySequence<byte> payload, uint key)
    {
        var bytes = payload.ToArray();
        Mask.Apply(bytes, bytes, key, 0);
        return bytes;
    }
}
