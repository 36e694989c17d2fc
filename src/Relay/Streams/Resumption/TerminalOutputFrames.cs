using System.Buffers;
using System.Buffers.Binary;
using Relay.Streams.Wire;

namespace Relay.Streams.Resumption;

/// <summary>What the API server's frames have come to.</summary>
internal enum OutputStatus
{
    /// <summary>All that can be used is used.</summary>
    More = 0,

    /// <summary>It goes away: its close frame was kept from the client.</summary>
    GoingAway,

    /// <summary>It has closed for good, and the client has its close frame.</summary>
    Closed,

    /// <summary>No frames.</summary>
    Invalid,
}

/// <summary>
/// The API server's frames of a terminal. What has come of a frame is handed on at once as a frame of its own, so that the client stands
/// on a boundary whenever the server is lost; whole frames pass as they are.
/// </summary>
internal sealed class TerminalOutputFrames
{
    // RFC 6455 §7.4 and its registry: codes with which a server says that another one, or itself soon, will do.
    private const int ServiceRestart = 1012;
    private const int TryAgainLater = 1013;

    private long _left;
    private byte _opcode;
    private bool _isFinal;
    private bool _isOpen;
    private bool _isOpenAtClient;

    /// <summary>Hands on what it can of the buffer, and takes that from it.</summary>
    public OutputStatus Take(ref ReadOnlySequence<byte> buffer, IBufferWriter<byte> output)
    {
        // Whole frames go on in one piece: from here to where the buffer begins.
        var run = buffer;
        var status = TakeFrames(ref buffer, ref run, output);
        Pass(run, buffer, output);
        return status;
    }

    private OutputStatus TakeFrames(ref ReadOnlySequence<byte> buffer, ref ReadOnlySequence<byte> run, IBufferWriter<byte> output)
    {
        while (!buffer.IsEmpty)
        {
            if (_left > 0)
            {
                Hand(ref buffer, output);
                run = buffer;
                continue;
            }

            var status = FrameHeader.TryRead(buffer, out var header);
            if (status != FrameHeaderStatus.Ok)
            {
                return status == FrameHeaderStatus.Invalid ? OutputStatus.Invalid : OutputStatus.More;
            }

            // Servers do not mask (RFC 6455 §5.1).
            if (header.Key is not null || (!header.IsControl && (header.Opcode == FrameHeader.Continuation) != _isOpen))
            {
                return OutputStatus.Invalid;
            }

            var isWhole = buffer.Length - header.Size >= header.Length;
            if (!header.IsControl)
            {
                _isOpen = !header.Final;
                if (isWhole)
                {
                    buffer = buffer.Slice(header.Size + header.Length);
                    _isOpenAtClient = _isOpen;
                    continue;
                }

                Pass(run, buffer, output);
                run = buffer = buffer.Slice(header.Size);
                (_left, _opcode, _isFinal) = (header.Length, header.Opcode, header.Final);
            }
            else if (!isWhole)
            {
                return OutputStatus.More;
            }
            else
            {
                var frame = buffer.Slice(0, header.Size + header.Length);
                if (header.Opcode == FrameHeader.Close && GoesAway(frame.Slice(header.Size)))
                {
                    // Kept from the client.
                    Pass(run, buffer, output);
                    run = buffer = buffer.Slice(frame.Length);
                    return OutputStatus.GoingAway;
                }

                buffer = buffer.Slice(frame.Length);
                if (header.Opcode == FrameHeader.Close)
                {
                    return OutputStatus.Closed;
                }
            }
        }

        return OutputStatus.More;
    }

    /// <summary>The server is lost: ends the message that it had begun. The next one begins anew.</summary>
    public void EndServer(IBufferWriter<byte> output)
    {
        if (_isOpenAtClient)
        {
            FrameHeader.Write(output, FrameHeader.Continuation, final: true, 0, null);
        }

        (_left, _isOpen, _isOpenAtClient) = (0, false, false);
    }

    private void Hand(ref ReadOnlySequence<byte> buffer, IBufferWriter<byte> output)
    {
        var part = buffer.Slice(0, Math.Min(buffer.Length, _left));
        _left -= part.Length;
        _isOpenAtClient = !_isFinal || _left > 0;
        FrameHeader.Write(output, _opcode, !_isOpenAtClient, part.Length, null);
        Copy(part, output);
        _opcode = FrameHeader.Continuation;
        buffer = buffer.Slice(part.Length);
    }

    private static void Pass(in ReadOnlySequence<byte> run, in ReadOnlySequence<byte> rest, IBufferWriter<byte> output) =>
        Copy(run.Slice(run.Start, rest.Start), output);

    private static void Copy(in ReadOnlySequence<byte> bytes, IBufferWriter<byte> output)
    {
        foreach (var segment in bytes)
        {
            output.Write(segment.Span);
        }
    }

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
