using System.Buffers.Binary;

namespace Load.Clients;

/// <summary>A byte stream inside binary WebSocket messages, as DERP uses them. The mask is zero, so the payload stays as it is.</summary>
internal sealed class WebSocketBytes(Stream inner) : Stream
{
    private const int Binary = 0x82;
    private const int Ping = 9;
    private const int Pong = 10;

    private readonly Lock _writing = new();
    private readonly byte[] _in = new byte[64 * 1024];
    private byte[] _out = new byte[64 * 1024];
    private int _at;
    private int _end;
    private long _left;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <summary>Writes the header of a final binary message (RFC 6455 section 5.2); returns its length.</summary>
    public static int WriteHeader(Span<byte> destination, int length, bool masked)
    {
        var mask = masked ? 0x80 : 0;
        destination[0] = Binary;
        var at = 2;
        if (length < 126)
        {
            destination[1] = (byte)(mask | length);
        }
        else if (length < 65_536)
        {
            destination[1] = (byte)(mask | 126);
            BinaryPrimitives.WriteUInt16BigEndian(destination[2..], (ushort)length);
            at = 4;
        }
        else
        {
            destination[1] = (byte)(mask | 127);
            BinaryPrimitives.WriteUInt64BigEndian(destination[2..], (ulong)length);
            at = 10;
        }

        if (masked)
        {
            destination.Slice(at, 4).Clear();
            at += 4;
        }

        return at;
    }

    public override int Read(Span<byte> buffer)
    {
        while (_left == 0)
        {
            Need(2);
            var size = _in[_at + 1] & 0x7f;
            var header = size switch { 126 => 4, 127 => 10, _ => 2 };
            Need(header);
            _left = size switch
            {
                126 => BinaryPrimitives.ReadUInt16BigEndian(_in.AsSpan(_at + 2)),
                127 => BinaryPrimitives.ReadInt64BigEndian(_in.AsSpan(_at + 2)),
                _ => size,
            };
            var kind = _in[_at] & 15;
            _at += header;
            if (kind == 8)
            {
                return 0;
            }

            if (kind is Ping or Pong)
            {
                Need((int)_left);
                if (kind == Ping)
                {
                    WriteMessage(0x80 | Pong, _in.AsSpan(_at, (int)_left));
                }

                _at += (int)_left;
                _left = 0;
            }
        }

        if (_at == _end)
        {
            Fill();
        }

        var n = (int)Math.Min(Math.Min(_left, _end - _at), buffer.Length);
        _in.AsSpan(_at, n).CopyTo(buffer);
        _at += n;
        _left -= n;
        return n;
    }

    public override void Write(ReadOnlySpan<byte> buffer) => WriteMessage(Binary, buffer);

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush() => inner.Flush();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        inner.Dispose();
        base.Dispose(disposing);
    }

    // Also from the reading thread, which answers pings.
    private void WriteMessage(int head, ReadOnlySpan<byte> payload)
    {
        lock (_writing)
        {
            if (_out.Length < payload.Length + 14)
            {
                _out = new byte[payload.Length + 14];
            }

            var at = WriteHeader(_out, payload.Length, masked: true);
            _out[0] = (byte)head;
            payload.CopyTo(_out.AsSpan(at));
            inner.Write(_out.AsSpan(0, at + payload.Length));
        }
    }

    private void Need(int bytes)
    {
        while (_end - _at < bytes)
        {
            Fill();
        }
    }

    private void Fill()
    {
        if (_at > 0)
        {
            _in.AsSpan(_at, _end - _at).CopyTo(_in);
            (_at, _end) = (0, _end - _at);
        }

        var n = inner.Read(_in.AsSpan(_end));
        _end += n > 0 ? n : throw new IOException("the server closed the stream");
    }
}
