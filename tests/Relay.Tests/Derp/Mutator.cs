using System.Buffers.Binary;
using System.Text;
using Relay.Derp.Wire;

namespace Relay.Tests.Derp;

/// <summary>
/// Messages that clients may send, and mutations of them: flipped bits, wrong lengths, and pieces that are lost, repeated or
/// out of order.
/// </summary>
internal sealed class Mutator
{
    private const int Keys = 64;

    private static readonly uint[] Lengths =
    [
        0, 1, 7, 8, 31, 32, 33, 55, 56, 63, 64, 1000, 1001, 65535, 65536, 65537, 65568, 65569, 65600, 65601, 262144, 262145, 0x7fffffff,
        0x80000000, 0xffffffff,
    ];

    private readonly Random _random;
    private readonly byte[][] _frames;
    private readonly byte[][] _infos;

    public Mutator(int seed, NodeKey server, NodeKey receiver)
    {
        _random = new Random(seed);
        _frames = Frames(receiver, Key().PublicKey);
        _infos = [.. Enumerable.Range(0, Keys).Select(i => Info(i, server))];
    }

    public int Next(int max) => _random.Next(max);

    /// <summary>The first frame of a client, right in half of the cases.</summary>
    public byte[] Handshake() => _random.Next(2) == 0 ? Info() : Mutated(Info());

    /// <summary>A right one.</summary>
    public byte[] Info() => _infos[_random.Next(Keys)];

    public byte[] Frame() => Mutated(Pick());

    /// <summary>A WebSocket message with it, which may be damaged too.</summary>
    public byte[] Message(byte[] payload)
    {
        byte[] header = payload.Length < 126 ? [0, (byte)payload.Length] : payload.Length <= ushort.MaxValue
            ? [0, 126, (byte)(payload.Length >> 8), (byte)payload.Length]
            : [0, 127, 0, 0, 0, 0, (byte)(payload.Length >> 24), (byte)(payload.Length >> 16), (byte)(payload.Length >> 8),
                (byte)payload.Length];
        (header[0], header[1]) = (0x82, (byte)(header[1] | 0x80));
        byte[] mask = [1, 2, 3, 4];
        var masked = payload.ToArray();
        for (var i = 0; i < masked.Length; i++)
        {
            masked[i] ^= mask[i % 4];
        }

        byte[] all = [.. header, .. mask, .. masked];
        if (_random.Next(8) == 0)
        {
            all[_random.Next(Math.Min(all.Length, header.Length + 4))] ^= (byte)(1 << _random.Next(8));
        }

        return all;
    }

    private NodePrivateKey Key()
    {
        var bytes = new byte[32];
        _random.NextBytes(bytes);
        (bytes[0], bytes[31]) = ((byte)(bytes[0] & 248), (byte)((bytes[31] & 127) | 64));
        return NodePrivateKey.TryParse("privkey:" + Vectors.Hex(bytes), out var key) ? key : throw new InvalidOperationException("no key");
    }

    private byte[] Info(int i, NodeKey server)
    {
        var key = Key();
        string[] texts =
        [
            "{\"version\":2}", "{\"version\":2,\"CanAckPings\":true,\"IsProber\":true,\"AppName\":\"x\"}",
            $"{{\"meshKey\":\"{Vectors.MeshKey}\",\"version\":2}}", "{\"Version\":2,\"meshkey\":\"zz\"}", "[{", "",
        ];
        return DerpHandshake.ClientInfo(
            key.PublicKey, key.BoxWith(server), Encoding.UTF8.GetBytes(texts[Math.Max(0, (i % 24) - 18)]), Vectors.ClientNonce);
    }

    private static byte[][] Frames(NodeKey receiver, NodeKey nobody)
    {
        byte[] disco = [.. "TS"u8, 0xf0, 0x9f, 0x92, 0xac, .. new byte[56]];
        return
        [
            DerpTestClient.Packet(receiver, new byte[40]),
            DerpTestClient.Packet(receiver, disco),
            DerpTestClient.Packet(nobody, []), // To the receiver, a changed type would make it a right ClosePeer.
            DerpTestClient.Packet(receiver, new byte[1500]),
            DerpTestClient.Packet(nobody, [1]),
            DerpTestClient.Packet(nobody, disco),
            DerpTestClient.Frame(DerpFrameType.Ping, new byte[8]),
            DerpTestClient.Frame(DerpFrameType.Pong, new byte[8]),
            DerpTestClient.Frame(DerpFrameType.NotePreferred, 1),
            DerpTestClient.Frame(DerpFrameType.KeepAlive),
            DerpTestClient.Frame((DerpFrameType)0x77, new byte[100]),
            DerpTestClient.Forward(nobody, receiver, [1, 2]),
            DerpTestClient.Frame(DerpFrameType.WatchConns),
            DerpTestClient.Frame(DerpFrameType.ClosePeer, DerpTestClient.Bytes(nobody)),
            Vectors.Bytes(Vectors.ClientInfo),
            Vectors.Bytes(Vectors.ServerInfo),
        ];
    }

    private byte[] Pick() => _frames[_random.Next(_frames.Length)];

    private byte[] Mutated(byte[] good)
    {
        var bytes = good.ToArray();
        switch (_random.Next(8))
        {
            case 0:
                return bytes[.._random.Next(bytes.Length)];
            case 1:
                BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(1), Lengths[_random.Next(Lengths.Length)]);
                return bytes;
            case 2:
                bytes[0] = (byte)_random.Next(256);
                return bytes;
            case 3:
                return [.. bytes[.._random.Next(bytes.Length)], .. Pick()];
            case 4:
                return [.. bytes, .. bytes[_random.Next(bytes.Length)..]];
            case 5:
                var noise = new byte[_random.Next(200)];
                _random.NextBytes(noise);
                return [.. bytes, .. noise];
            default:
                for (var flips = _random.Next(1, 4); flips > 0; flips--)
                {
                    bytes[_random.Next(bytes.Length)] ^= (byte)(1 << _random.Next(8));
                }

                return bytes;
        }
    }
}
