using System.Buffers;
using Tailnet.Wire;

namespace Tailnet.Drpc;

/// <summary>One whole packet. Its data is valid until the assembler is asked for the next.</summary>
internal readonly record struct DrpcPacket(DrpcKind Kind, bool Control, ulong Stream, ulong Message, ReadOnlyMemory<byte> Data);

/// <summary>
/// Puts packets together from frames, holding at most one packet's bytes, in a rented buffer that is given back between packets.
/// Pure: bytes in, packets out; allocates nothing per frame.
/// </summary>
internal sealed class DrpcAssembler(int maxPacket)
{
    private byte[] _data = [];
    private int _length;
    private ulong _stream = 1;
    private ulong _message = 1;
    private DrpcFrameHeader _frame;
    private ulong _frameLeft;
    private bool _inFrame;
    private bool _inPacket;
    private DrpcKind _kind;

    /// <summary>True when bytes of an unfinished frame or packet are held.</summary>
    public bool IsPartial => _inFrame || _inPacket;

    /// <summary>Takes bytes from the front of <paramref name="buffer"/> until a packet is whole or the bytes end.</summary>
    public DrpcReadStatus TryRead(ref ReadOnlySequence<byte> buffer, out DrpcPacket packet)
    {
        packet = default;
        if (!IsPartial)
        {
            GiveBack();
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
            if (_frameLeft > 0)
            {
                return DrpcReadStatus.NeedMore;
            }

            _inFrame = false;
            if (_frame.Done)
            {
                // The next packet of this stream needs a greater number.
                _inPacket = false;
                _message = _frame.Message + 1;
                packet = new DrpcPacket(_kind, _frame.Control, _frame.Stream, _frame.Message, _data.AsMemory(0, _length));
                return DrpcReadStatus.Done;
            }
        }
    }

    /// <summary>Gives the buffer back; the assembler is used no more.</summary>
    public void Release() => GiveBack();

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
            // A new id before the last frame of the old one discards the old.
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
        _frameLeft = _frame.Length;
        _inFrame = true;
        return DrpcReadStatus.Done;
    }

    private void TakeData(ref ReadOnlySequence<byte> buffer)
    {
        var take = (int)Math.Min((long)_frameLeft, buffer.Length);
        if (take == 0)
        {
            return;
        }

        Reserve(_length + take);
        buffer.Slice(0, take).CopyTo(_data.AsSpan(_length));
        buffer = buffer.Slice(take);
        _length += take;
        _frameLeft -= (ulong)take;
    }

    // Grows by what has come, never by what a length promises.
    private void Reserve(int size)
    {
        if (size <= _data.Length)
        {
            return;
        }

        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(size, Math.Min(_data.Length * 2, maxPacket)));
        _data.AsSpan(0, _length).CopyTo(larger);
        var length = _length;
        GiveBack();
        _data = larger;
        _length = length;
    }

    private void GiveBack()
    {
        if (_data.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_data);
            _data = [];
        }

        _length = 0;
    }
}
