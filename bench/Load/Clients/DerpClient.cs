using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Crypto;
using Relay.Derp.Wire;

namespace Load.Clients;

/// <summary>One DERP connection, plain, over TLS or over WebSocket; it writes and counts frames itself (derp.md, section 2).</summary>
internal sealed class DerpClient : IDisposable
{
    public const int HeaderLength = 5;

    private const byte SendPacket = 4;
    private const byte RecvPacket = 5;

    private readonly Stream _stream;
    private readonly byte[] _in = new byte[128 * 1024];
    private int _end;

    private DerpClient(Stream stream, Socket socket, byte[] key) => (_stream, Socket, Key) = (stream, socket, key);

    /// <summary>The public key, 32 bytes.</summary>
    public byte[] Key { get; }

    public Socket Socket { get; }

    /// <summary>Connects and waits until the relay knows this client.</summary>
    public static DerpClient Connect(IPEndPoint relay, X509Certificate2? certificate = null, bool webSocket = false)
    {
        var (socket, stream) = Wires.Connect(relay, certificate);
        try
        {
            Wires.Upgrade(stream, "/derp", webSocket ? Wires.WebSocketHeaders("derp") : "Upgrade: DERP\r\n");
            var mine = NodePrivateKey.Generate();
            var key = new byte[NodeKey.Length];
            mine.PublicKey.CopyTo(key);
            var client = new DerpClient(webSocket ? new WebSocketBytes(stream) : stream, socket, key);
            var server = client.ReadFrame(1);
            client.Introduce(mine.BoxWith(new NodeKey(server.AsSpan(8))));
            client.ReadFrame(3);
            return client;
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>Packets for one receiver, end to end, ready to send a run of them in one write.</summary>
    public static byte[] Packets(byte[] receiver, int size, int count)
    {
        var frames = new byte[count * FrameLength(size)];
        RandomNumberGenerator.Fill(frames);
        for (var at = 0; at < frames.Length; at += FrameLength(size))
        {
            frames[at] = SendPacket;
            BinaryPrimitives.WriteInt32BigEndian(frames.AsSpan(at + 1), NodeKey.Length + size);
            receiver.CopyTo(frames, at + HeaderLength);
        }

        return frames;
    }

    /// <summary>Bytes of one packet's frame on the wire, the same out and in.</summary>
    public static int FrameLength(int size) => HeaderLength + NodeKey.Length + size;

    public void Send(ReadOnlySpan<byte> frames) => _stream.Write(frames);

    /// <summary>
    /// Waits for bytes and counts the packets that have fully arrived. The payload of each goes to <paramref name="each"/>, if given.
    /// </summary>
    public int Receive(Action<Memory<byte>>? each = null)
    {
        var n = _stream.Read(_in, _end, _in.Length - _end);
        _end += n > 0 ? n : throw new IOException("the relay closed the connection");
        var (at, packets) = (0, 0);
        while (_end - at >= HeaderLength)
        {
            var length = HeaderLength + BinaryPrimitives.ReadInt32BigEndian(_in.AsSpan(at + 1));
            if (_end - at < length)
            {
                break;
            }

            if (_in[at] == RecvPacket)
            {
                packets++;
                each?.Invoke(_in.AsMemory(at + HeaderLength + NodeKey.Length, length - HeaderLength - NodeKey.Length));
            }

            at += length;
        }

        _in.AsSpan(at, _end - at).CopyTo(_in);
        _end -= at;
        return packets;
    }

    public void Dispose() => _stream.Dispose();

    private void Introduce(NaClBox box)
    {
        var json = "{\"version\":2,\"CanAckPings\":true}"u8;
        var frame = new byte[HeaderLength + NodeKey.Length + NaClBox.NonceLength + NaClBox.Overhead + json.Length];
        frame[0] = 2;
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), frame.Length - HeaderLength);
        Key.CopyTo(frame, HeaderLength);
        var nonce = frame.AsSpan(HeaderLength + NodeKey.Length, NaClBox.NonceLength);
        RandomNumberGenerator.Fill(nonce);
        box.Seal(json, nonce).CopyTo(frame, HeaderLength + NodeKey.Length + NaClBox.NonceLength);
        _stream.Write(frame);
    }

    // Reads byte for byte only what it needs: what follows belongs to Receive.
    private byte[] ReadFrame(byte type)
    {
        while (true)
        {
            var header = new byte[HeaderLength];
            _stream.ReadExactly(header);
            var payload = new byte[BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(1)) is >= 0 and < 65_536 and var n
                ? n
                : throw new IOException("a bad frame")];
            _stream.ReadExactly(payload);
            if (header[0] == type)
            {
                return payload;
            }
        }
    }
}
