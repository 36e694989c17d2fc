using System.Buffers;
using System.IO.Pipelines;
using Relay.Derp;
using Relay.Derp.Wire;
using Relay.Tests.Streams;

namespace Relay.Tests.Derp;

/// <summary>A client of the protocol that says what it is told to and shows what it gets.</summary>
internal sealed class DerpTestClient(NodePrivateKey key, PipeReader input, PipeWriter output, Task<DerpCloseReason> served)
{
    public NodeKey Key => key.PublicKey;

    public NodeKey ServerKey { get; private set; }

    public PipeWriter Output => output;

    public PipeReader Input => input;

    /// <summary>Ends when the server is done with the connection.</summary>
    public Task<DerpCloseReason> Served => served;

    /// <summary>Does the handshake to its end, and waits until the client is registered.</summary>
    public async Task<DerpTestClient> GreetAsync(string? meshKey = null, bool acks = false, bool prober = false)
    {
        await SendInfoAsync(meshKey, acks, prober);
        var info = await NextAsync();
        Assert.Equal(DerpFrameType.ServerInfo, info.Type);
        return this;
    }

    public async Task SendInfoAsync(string? meshKey = null, bool acks = false, bool prober = false)
    {
        var hello = await NextAsync();
        Assert.Equal(DerpFrameType.ServerKey, hello.Type);
        Assert.True(DerpHandshake.TryReadServerKey(hello.Payload, out var server));
        ServerKey = server;
        var box = key.BoxWith(server);
        await WriteAsync(DerpHandshake.ClientInfo(Key, box, new ClientInfo(2, meshKey, acks, prober).ToJson()));
    }

    public async Task WriteAsync(params byte[] bytes) => await output.WriteAsync(bytes);

    public Task SendAsync(NodeKey to, params byte[] packet) => WriteAsync(Packet(to, packet));

    public static byte[] Packet(NodeKey to, byte[] packet) => Frame(DerpFrameType.SendPacket, [.. Bytes(to), .. packet]);

    public static byte[] Forward(NodeKey from, NodeKey to, byte[] packet) =>
        Frame(DerpFrameType.ForwardPacket, [.. Bytes(from), .. Bytes(to), .. packet]);

    public static byte[] Frame(DerpFrameType type, params byte[] payload)
    {
        var frame = new byte[5 + payload.Length];
        DerpFrameHeader.Write(frame, type, payload.Length);
        payload.CopyTo(frame, 5);
        return frame;
    }

    public static byte[] Bytes(NodeKey key)
    {
        var bytes = new byte[32];
        key.CopyTo(bytes);
        return bytes;
    }

    /// <summary>The next frame.</summary>
    public Task<(DerpFrameType Type, byte[] Payload)> NextAsync() => NextAsync(input);

    /// <summary>The next frame of any peer; <see cref="DerpFrameType.None"/> at the end.</summary>
    public static async Task<(DerpFrameType Type, byte[] Payload)> NextAsync(PipeReader input)
    {
        while (true)
        {
            var result = await input.ReadAsync().Soon();
            var buffer = result.Buffer;
            var status = DerpFrameReader.TryRead(ref buffer, 1 << 20, out var header, out var payload);
            var bytes = payload.ToArray();
            input.AdvanceTo(buffer.Start, status == DerpFrameStatus.Frame ? buffer.Start : buffer.End);
            if (status == DerpFrameStatus.Frame)
            {
                return (header.Type, bytes);
            }

            if (result.IsCompleted)
            {
                return (DerpFrameType.None, []);
            }
        }
    }

    public async Task ExpectPacketAsync(NodeKey from, params byte[] packet)
    {
        var frame = await NextAsync();
        Assert.Equal((DerpFrameType.RecvPacket, Vectors.Hex([.. Bytes(from), .. packet])), (frame.Type, Vectors.Hex(frame.Payload)));
    }

    public async Task ExpectPeerGoneAsync(NodeKey key, PeerGoneReason reason)
    {
        var frame = await NextAsync();
        Assert.Equal((DerpFrameType.PeerGone, Vectors.Hex([.. Bytes(key), (byte)reason])), (frame.Type, Vectors.Hex(frame.Payload)));
    }

    /// <summary>Pings, and expects nothing before the answer: the server has handled all that was sent, and had nothing to say.</summary>
    public async Task ExpectNothingAsync()
    {
        await WriteAsync(Frame(DerpFrameType.Ping, 1, 2, 3, 4, 5, 6, 7, 8));
        var frame = await NextAsync();
        Assert.Equal((DerpFrameType.Pong, "0102030405060708"), (frame.Type, Vectors.Hex(frame.Payload)));
    }

    /// <summary>Leaves, and waits until the server has noticed.</summary>
    public async Task<DerpCloseReason> LeaveAsync()
    {
        await output.CompleteAsync();
        return await served.Soon();
    }
}
