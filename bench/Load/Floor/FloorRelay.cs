using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Security.Cryptography;
using Crypto;
using Load.Clients;
using Relay.Derp.Wire;

namespace Load.Floor;

/// <summary>
/// About the least code in C# that relays DERP packets: a thread a connection, which writes each run of packets straight to the receiver's
/// socket. No queues, no limits, no checks: not a relay to run, but one that Edge is measured against wherever nothing else is installed.
/// </summary>
internal static class FloorRelay
{
    private static readonly ConcurrentDictionary<NodeKey, Peer> Peers = new();
    private static readonly NodePrivateKey Server = NodePrivateKey.Generate();

    public static void Serve(Socket socket)
    {
        using var stream = new NetworkStream(socket, ownsSocket: true);
        var buffer = new byte[128 * 1024];
        var end = 0;
        while (buffer.AsSpan(0, end).IndexOf("\r\n\r\n"u8) < 0)
        {
            end += stream.Read(buffer, end, buffer.Length - end) is > 0 and var n ? n : throw new IOException();
        }

        var mine = new byte[NodeKey.Length];
        Server.PublicKey.CopyTo(mine);
        stream.Write([.. "HTTP/1.1 101 Switching Protocols\r\nUpgrade: DERP\r\nConnection: Upgrade\r\n\r\n"u8, 1, 0, 0, 0, 40, .. "DERP🔑"u8,
            .. mine]);
        stream.ReadExactly(buffer, 0, DerpClient.HeaderLength);
        var info = buffer.AsSpan(0, BinaryPrimitives.ReadInt32BigEndian(buffer.AsSpan(1)));
        stream.ReadExactly(info);
        var key = new NodeKey(info);
        var theirs = info[..NodeKey.Length].ToArray();
        stream.Write(Welcome(key));
        Peers[key] = new Peer(socket);
        try
        {
            Relay(stream, buffer, theirs);
        }
        finally
        {
            Peers.TryRemove(key, out _);
        }
    }

    private static byte[] Welcome(NodeKey client)
    {
        var json = "{\"version\":2}"u8;
        var frame = new byte[DerpClient.HeaderLength + NaClBox.NonceLength + NaClBox.Overhead + json.Length];
        frame[0] = 3;
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), frame.Length - DerpClient.HeaderLength);
        var nonce = frame.AsSpan(DerpClient.HeaderLength, NaClBox.NonceLength);
        RandomNumberGenerator.Fill(nonce);
        Server.BoxWith(client).Seal(json, nonce).CopyTo(frame, DerpClient.HeaderLength + NaClBox.NonceLength);
        return frame;
    }

    // A packet is as long out as in: the type changes, and the sender's key takes the receiver's place.
    private static void Relay(NetworkStream stream, byte[] buffer, byte[] sender)
    {
        var end = 0;
        while (stream.Read(buffer, end, buffer.Length - end) is > 0 and var n)
        {
            end += n;
            var (at, run) = (0, 0);
            Peer? receiver = null;
            var last = default(NodeKey);
            while (end - at >= DerpClient.HeaderLength)
            {
                var length = DerpClient.HeaderLength + BinaryPrimitives.ReadInt32BigEndian(buffer.AsSpan(at + 1));
                if (end - at < length)
                {
                    break;
                }

                var to = buffer[at] == 4 ? new NodeKey(buffer.AsSpan(at + DerpClient.HeaderLength)) : default;
                if (to != last)
                {
                    receiver?.Send(buffer.AsSpan(run, at - run));
                    (last, run) = (to, at);
                    Peers.TryGetValue(to, out receiver);
                }

                buffer[at] = 5;
                sender.CopyTo(buffer, at + DerpClient.HeaderLength);
                at += length;
            }

            receiver?.Send(buffer.AsSpan(run, at - run));
            buffer.AsSpan(at, end - at).CopyTo(buffer);
            end -= at;
        }
    }

    private sealed class Peer(Socket socket)
    {
        private readonly Lock _gate = new();

        public void Send(ReadOnlySpan<byte> frames)
        {
            lock (_gate)
            {
                socket.Send(frames);
            }
        }
    }
}
