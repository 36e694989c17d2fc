using System.Buffers;
using Tailnet.Wire;

namespace Tailnet.Drpc;

/// <summary>One complete packet. Its data is valid until the next call of the assembler.</summary>
internal readonly record struct DrpcPacket(DrpcKind Kind, bool Control, ulong Stream, ulong Message, ReadOnlyMemory<byte> Data);

/// <summary>
/// Assembles packets from frames (tailnet.md §3.4). It holds the bytes of at most one packet, in a rented buffer that it returns between
/// packets. Pure: bytes in, packets out. A frame needs no allocation.
/// </summary>
internal sealed class DrpcAssembler(int maxPacket)
{
    private byte[] _data = [];
    private int _length;
    private ulong _stream = 1;
    private ulong _message = 1;
    private DrpcFrameHeader _frame;
    private ulong _frameRemaining;
    private bool _inFrame;
    private bool _inPacket;
    private DrpcKind _kind;

    /// <summary>Whether a frame or packet is incomplete.</summary>
    public bool IsPartial => _inFrame || _inPacket;

    /// <summary>Consumes bytes from the start of <paramref name="buffer"/> until a packet is complete or the bytes end.</summary>
    public DrpcReadStatus TryRead(ref ReadOnlySequence<byte> buffer, out DrpcPacket packet)
    {
        packet = default;
        if (!IsPartial)
        {
            ReturnBuffer();
        }

        while (true)
        {
            if (!_inFrame)
            {
                var status = TakeHeader(ref buffer);
                if (status != DrpcReadStatus.Done)
                {
                    return status;
                }
            }

            TakeData(ref buffer);
            if (_frameRemaining > 0)
            {
                return DrpcReadStatus.NeedMore;
            }

            _inFrame = false;
            if (_frame.Done)
            {
                // The next packet of this stream must have a greater number.
                _inPacket = false;
                _message = _frame.Message + 1;
                packet = new DrpcPacket(_kind, _frame.Control, _frame.Stream, _frame.Message, _data.AsMemory(0, _length));
                return DrpcReadStatus.Done;
            }
        }
    }

    /// <summary>Returns the buffer to its pool. The assembler must not be used afterwards.</summary>
    public void Release() => ReturnBuffer();

    private DrpcReadStatus TakeHeader(ref ReadOnlySequence<byte> buffer)
    {
        var status = DrpcFrameHeader.TryRead(buffer.FirstSpan, out _frame, out var size);
        if (status == DrpcReadStatus.NeedMore && !buffer.IsSingleSegment)
        {
            Span<byte> joined = stackalloc byte[DrpcFrameHeader.MaxSize];
            var head = buffer.Slice(0, Math.Min(buffer.Length, DrpcFrameHeader.MaxSize));
            head.CopyTo(joined);
            status = DrpcFrameHeader.TryRead(joined[..(int)head.Length], out _frame, out size);
        }

        if (status != DrpcReadStatus.Done)
        {
            return status;
        }

        if (_frame.Stream < _stream || (_frame.Stream == _stream && _frame.Message < _message) || _frame.Message is 0 or ulong.MaxValue)
        {
            return DrpcReadStatus.BadOrder;
        }

        if (!_inPacket || _frame.Stream != _stream || _frame.Message != _message)
        {
            // A new message number before the last frame of the current packet discards that packet.
            _length = 0;
            _kind = _frame.Kind;
            _stream = _frame.Stream;
            _message = _frame.Message;
            _inPacket = true;
        }
        else if (_frame.Kind != _kind)
        {
            return DrpcReadStatus.KindChanged;
        }

        if (_frame.Length > (ulong)(maxPacket - _length))
        {
            return DrpcReadStatus.TooLarge;
        }

        buffer = buffer.Slice(size);
        _frameRemaining = _frame.Length;
        _inFrame = true;
        return DrpcReadStatus.Done;
    }

    private void TakeData(ref ReadOnlySequence<byte> buffer)
    {
        var take = (int)Math.Min((long)_frameRemaining, buffer.Length);
        if (take == 0)
        {
            return;
        }

        Reserve(_length + take);
        buffer.Slice(0, take).CopyTo(_data.AsSpan(_length));
        buffer = buffer.Slice(take);
        _length += take;
        _frameRemaining -= (ulong)take;
    }

    // The buffer grows with the received bytes, never by an announced length.
    private void Reserve(int size)
    {
        if (size <= _data.Length)
        {
            return;
        }

        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(size, Math.Min(_data.Length * 2, maxPacket)));
        _data.AsSpan(0, _length).CopyTo(larger);
        var length = _length;
        ReturnBuffer();
        _data = larger;
        _length = length;
    }

    private void ReturnBuffer()
    {
        if (_data.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_data);
            _data = [];
        }

        _length = 0;
    }
}
