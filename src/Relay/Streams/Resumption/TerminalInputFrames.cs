using System.Buffers;
using System.Numerics;
using System.Security.Cryptography;
using Relay.Streams.Wire;

namespace Relay.Streams.Resumption;

/// <summary>What <see cref="TerminalInputFrames"/> leave of some bytes to whoever has them.</summary>
/// <param name="Start">From here on they go to the server as they are; what comes before is written, or dropped.</param>
/// <param name="End">Up to here they were taken; the rest, a cut header or control frame, is to come again with what follows it.</param>
/// <param name="IsRight">False where the rest is no frame.</param>
internal readonly record struct InputRun(int Start, int End, bool IsRight);

/// <summary>
/// The client's frames of a terminal: has them go on as they are, and after a change of the API server from the first JSON object on that
/// begins thereafter, be it in the middle of a frame. Control frames pass whole. Holds nothing but a ping.
/// </summary>
internal sealed class TerminalInputFrames
{
    /// <summary>The longest header or control frame in bytes: what <see cref="Take"/> may leave.</summary>
    public const int MaxLeft = FrameHeader.MaxSize + 125;

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

    /// <summary>Tells a new API server the size, in a message.</summary>
    public static void WriteSize(IBufferWriter<byte> output, (int Height, int Width) size)
    {
        Span<byte> json = stackalloc byte[40];
        System.Text.Unicode.Utf8.TryWrite(json, System.Globalization.CultureInfo.InvariantCulture, $"{{\"height\":{size.Height},\"width\":{size.Width}}}", out var length);
        Span<byte> key = stackalloc byte[4];
        RandomNumberGenerator.Fill(key);
        FrameHeader.Write(output, FrameHeader.Binary, final: true, length, BitConverter.ToUInt32(key));
        Mask.Apply(json[..length], json, BitConverter.ToUInt32(key), 0);
        output.Write(json[..length]);
    }

    /// <summary>A new API server: it gets only whole objects.</summary>
    public void BeginServer() => (_isSynced, _beginsMessage) = (false, true);

    /// <summary>Takes what it can of the bytes; without an output they are followed and to be dropped.</summary>
    public InputRun Take(ReadOnlySpan<byte> bytes, IBufferWriter<byte>? output)
    {
        var (run, at) = (0, 0);
        while (at < bytes.Length)
        {
            if (_left > 0)
            {
                var part = bytes.Slice(at, (int)Math.Min(bytes.Length - at, _left));
                at += part.Length;
                if (output is null || _isSynced)
                {
                    Follow(part);
                }
                else
                {
                    AwaitObject(part, output);
                    run = at;
                }

                continue;
            }

            var status = FrameHeader.TryRead(bytes[at..], out var header);
            if (status != FrameHeaderStatus.Ok)
            {
                return new InputRun(run, at, status == FrameHeaderStatus.NeedMore);
            }

            if (header.IsControl)
            {
                var whole = header.Size + (int)header.Length;
                if (bytes.Length - at < whole)
                {
                    break;
                }

                if (output is null && header.Opcode == FrameHeader.Ping)
                {
                    _ping = Unmask(bytes.Slice(at + header.Size, (int)header.Length), header.Key ?? 0);
                }

                at += whole;
                CloseSeen |= header.Opcode == FrameHeader.Close;
                continue;
            }

            (_left, _offset, _isFinal, _isMasked, _key) = (header.Length, 0, header.Final, header.Key is not null, header.Key ?? 0);
            if (output is not null && !_isSynced)
            {
                output.Write(bytes[run..at]);
                run = at + header.Size;
                BeginFrame(header.Opcode, output);
            }

            at += header.Size;
        }

        return new InputRun(run, at, IsRight: true);
    }

    private void BeginFrame(byte opcode, IBufferWriter<byte> output)
    {
        _isSynced = _sizes.AtBoundary;
        if (_isSynced)
        {
            WriteHeader(output, opcode);
        }
    }

    /// <summary>Payload of which a new API server gets what comes after the object that the one before had begun to get.</summary>
    private void AwaitObject(ReadOnlySpan<byte> bytes, IBufferWriter<byte> output)
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

        Follow(bytes);
        if (_isSynced)
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

    private static byte[] Unmask(ReadOnlySpan<byte> payload, uint key)
    {
        var bytes = payload.ToArray();
        Mask.Apply(bytes, bytes, key, 0);
        return bytes;
    }
}
