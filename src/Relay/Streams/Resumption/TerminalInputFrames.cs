using System.Buffers;
using System.Numerics;
using System.Security.Cryptography;
using Relay.Streams.Wire;

namespace Relay.Streams.Resumption;

/// <summary>The part of a buffer that the caller of <see cref="TerminalInputFrames.Take"/> forwards unchanged.</summary>
/// <param name="Start">The start of this part. The bytes before it were written already, or dropped.</param>
/// <param name="End">The end of this part. The rest, a cut header or control frame, must be passed again with the bytes after it.</param>
/// <param name="IsValid">False if the rest is no frame.</param>
internal readonly record struct InputRun(int Start, int End, bool IsValid);

/// <summary>
/// Follows the frames of a terminal's client, which are forwarded unchanged. After a change of the API server, forwarding begins with the
/// next JSON object, even in the middle of a frame. Control frames pass whole. This object buffers nothing but one ping.
/// </summary>
internal sealed class TerminalInputFrames
{
    /// <summary>The longest header or control frame in bytes, which is the most that <see cref="Take"/> may leave.</summary>
    public const int MaxCutSize = FrameHeader.MaxSize + 125;

    private readonly TerminalSizes _sizes = new();
    private long _remaining;
    private long _offset;
    private uint _key;
    private bool _isMasked;
    private bool _isFinal;

    // Whether the server has everything from the beginning of some object on; and whether the next frame begins a message for this server.
    private bool _isSynced = true;
    private bool _beginsMessage;
    private byte[]? _ping;

    /// <summary>The last terminal size that the client sent.</summary>
    public (int Height, int Width)? LastSize => _sizes.Last;

    /// <summary>Whether the client's close frame has come.</summary>
    public bool CloseSeen { get; private set; }

    /// <summary>Returns the last ping that reached no server, once. An older ping needs no answer (RFC 6455 §5.5.3).</summary>
    public byte[]? TakePing()
    {
        var ping = _ping;
        _ping = null;
        return ping;
    }

    /// <summary>Writes a message with the size for a new API server.</summary>
    public static void WriteSize(IBufferWriter<byte> output, (int Height, int Width) size)
    {
        Span<byte> json = stackalloc byte[40];
        System.Text.Unicode.Utf8.TryWrite(
            json,
            System.Globalization.CultureInfo.InvariantCulture,
            $"{{\"height\":{size.Height},\"width\":{size.Width}}}",
            out var length);
        Span<byte> key = stackalloc byte[4];
        RandomNumberGenerator.Fill(key);
        FrameHeader.Write(output, FrameHeader.Binary, final: true, length, BitConverter.ToUInt32(key));
        Mask.Apply(json[..length], json, BitConverter.ToUInt32(key), 0);
        output.Write(json[..length]);
    }

    /// <summary>Begins with a new API server, which gets only whole objects.</summary>
    public void BeginServer() => (_isSynced, _beginsMessage) = (false, true);

    /// <summary>Follows the bytes as far as possible. Without an output the caller drops them.</summary>
    public InputRun Take(ReadOnlySpan<byte> bytes, IBufferWriter<byte>? output)
    {
        var (run, at) = (0, 0);
        while (at < bytes.Length)
        {
            if (_remaining > 0)
            {
                var part = bytes.Slice(at, (int)Math.Min(bytes.Length - at, _remaining));
                at += part.Length;
                if (output is null || _isSynced)
                {
                    Follow(part);
                }
                else
                {
                    SkipToObject(part, output);
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

            (_remaining, _offset, _isFinal, _isMasked, _key) = (header.Length, 0, header.Final, header.Key is not null, header.Key ?? 0);
            if (output is not null && !_isSynced)
            {
                output.Write(bytes[run..at]);
                run = at + header.Size;
                BeginFrame(header.Opcode, output);
            }

            at += header.Size;
        }

        return new InputRun(run, at, IsValid: true);
    }

    private void BeginFrame(byte opcode, IBufferWriter<byte> output)
    {
        _isSynced = _sizes.AtBoundary;
        if (_isSynced)
        {
            WriteHeader(output, opcode);
        }
    }

    /// <summary>Skips payload up to the end of the object that the previous API server had begun to get, and writes the rest.</summary>
    private void SkipToObject(ReadOnlySpan<byte> bytes, IBufferWriter<byte> output)
    {
        while (!bytes.IsEmpty && !_sizes.AtBoundary)
        {
            Follow(bytes[..1]);
            bytes = bytes[1..];
        }

        if (_sizes.AtBoundary && _remaining > 0)
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

    /// <summary>Writes a header for the rest of the frame.</summary>
    private void WriteHeader(IBufferWriter<byte> output, byte opcode)
    {
        var key = BitOperations.RotateRight(_key, 8 * (int)(_offset & 3));
        var newOpcode = _beginsMessage && opcode == FrameHeader.Continuation ? FrameHeader.Binary : opcode;
        FrameHeader.Write(output, newOpcode, _isFinal, _remaining, _isMasked ? key : null);
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
            (_offset, _remaining) = (_offset + part.Length, _remaining - part.Length);
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
