using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;

namespace Load.Clients;

/// <summary>
/// A WebSocket stream through a proxy. All messages have one size, go out masked with zeros and come back unmasked, so the
/// number of bytes tells the number of messages.
/// </summary>
internal sealed class StreamClient : IDisposable
{
    private readonly byte[] _in = new byte[128 * 1024];
    private readonly Stream _stream;
    private readonly byte[] _messages;
    private readonly int _outLength;
    private readonly int _inLength;
    private int _pending;

    public StreamClient(IPEndPoint proxy, string path, int size, int count, X509Certificate2? certificate = null)
    {
        (Socket, _stream) = Wires.Connect(proxy, certificate);
        try
        {
            Wires.Upgrade(_stream, path, Wires.WebSocketHeaders());
        }
        catch
        {
            _stream.Dispose();
            throw;
        }

        Span<byte> header = stackalloc byte[14];
        _inLength = size + WebSocketBytes.WriteHeader(header, size, masked: false);
        var headerLength = WebSocketBytes.WriteHeader(header, size, masked: true);
        _outLength = size + headerLength;
        _messages = new byte[count * _outLength];
        for (var at = 0; at < _messages.Length; at += _outLength)
        {
            header[..headerLength].CopyTo(_messages.AsSpan(at));
        }

        MessageOffset = headerLength;
    }

    public Socket Socket { get; }

    /// <summary>Where the payload of the first prepared message begins.</summary>
    public int MessageOffset { get; }

    /// <summary>The prepared messages, end to end.</summary>
    public Span<byte> Messages => _messages;

    /// <summary>Makes each prepared message what a terminal's client sends, JSON with a text in it, if it is long enough.</summary>
    public void FillWithTyping()
    {
        var begin = "{\"data\":\""u8;
        var end = "\"}"u8;
        for (var at = MessageOffset; at < _messages.Length && begin.Length + end.Length <= _outLength - MessageOffset; at += _outLength)
        {
            var payload = _messages.AsSpan(at, _outLength - MessageOffset);
            payload.Fill((byte)'x');
            begin.CopyTo(payload);
            end.CopyTo(payload[^end.Length..]);
        }
    }

    public void Send(int count) => _stream.Write(_messages.AsSpan(0, count * _outLength));

    /// <summary>Waits for bytes; returns how many have arrived.</summary>
    public int ReceiveBytes() => _stream.Read(_in) is > 0 and var n ? n : throw new IOException("the proxy closed the stream");

    /// <summary>Waits for bytes; returns how many messages are complete with them.</summary>
    public int ReceiveMessages()
    {
        _pending += ReceiveBytes();
        var messages = _pending / _inLength;
        _pending -= messages * _inLength;
        return messages;
    }

    /// <summary>Waits for one whole message, and returns its payload.</summary>
    public ReadOnlySpan<byte> ReceiveOne(int size)
    {
        _stream.ReadExactly(_in.AsSpan(0, _inLength));
        return _in.AsSpan(_inLength - size, size);
    }

    public void Dispose() => _stream.Dispose();
}
