using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Net.WebSockets;
using Relay.Derp;
using Relay.Derp.Wire;
using Relay.Tests.Streams;

namespace Relay.Tests.Derp;

public sealed class WebSocketTests : IDisposable
{
    private readonly DerpRig _rig = new();

    public void Dispose() => _rig.Dispose();

    [Fact]
    public async Task ARealClientTalksDerpInMessagesOfAnySize()
    {
        var (socket, served) = Connect();
        var a = await GreetAsync(socket);
        var b = await _rig.GreetAsync();
        var packet = new byte[65536];
        Random.Shared.NextBytes(packet);

        // The longest packet in one message, then in fragments.
        var frame = DerpTestClient.Packet(b.Key, packet);
        await socket.SendAsync(frame, WebSocketMessageType.Binary, true, CancellationToken.None);
        await b.ExpectPacketAsync(a, packet);
        for (var at = 0; at < frame.Length; at += 7001)
        {
            var end = Math.Min(at + 7001, frame.Length);
            await socket.SendAsync(frame.AsMemory(at..end), WebSocketMessageType.Binary, end == frame.Length, CancellationToken.None);
        }

        await b.ExpectPacketAsync(a, packet);
        await b.SendAsync(a, packet);
        var (type, payload, largest) = await ReadAsync(socket);
        Assert.Equal(DerpFrameType.RecvPacket, type);
        Assert.Equal(packet, payload[32..]);
        Assert.InRange(largest, 1, 32768);

        await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None);
        Assert.Equal(DerpCloseReason.ClientClosed, await served.Soon());
        await socket.ReceiveAsync(new byte[10], CancellationToken.None).Soon();
        Assert.Equal(WebSocketCloseStatus.NormalClosure, socket.CloseStatus);
    }

    [Fact]
    public async Task ManyFramesInOneMessageAreHandledAndTextIsRefused()
    {
        var (socket, served) = Connect();
        var a = await GreetAsync(socket);
        var b = await _rig.GreetAsync();
        byte[] frames = [.. Enumerable.Range(0, 100).SelectMany(i => DerpTestClient.Packet(b.Key, [(byte)i]))];

        await socket.SendAsync(frames, WebSocketMessageType.Binary, true, CancellationToken.None);
        for (var i = 0; i < 100; i++)
        {
            await b.ExpectPacketAsync(a, (byte)i);
        }

        await socket.SendAsync("text"u8.ToArray(), WebSocketMessageType.Text, true, CancellationToken.None);
        Assert.Equal(DerpCloseReason.ProtocolError, await served.Soon());
        await socket.ReceiveAsync(new byte[10], CancellationToken.None).Soon();
        Assert.Equal(WebSocketCloseStatus.InvalidMessageType, socket.CloseStatus);
    }

    [Theory]
    [InlineData("8205", 1002)] // Unmasked.
    [InlineData("c28000000000", 1002)] // A reserved bit.
    [InlineData("808000000000", 1002)] // A continuation of nothing.
    [InlineData("098000000000", 1002)] // A ping in parts.
    [InlineData("89fe007e00000000", 1002)] // A long ping.
    [InlineData("82ff000000000001002600000000", 1009)] // 64 KiB + 38.
    [InlineData("82ffffffffffffffffff00000000", 1009)] // Negative.
    public async Task FramesAgainstTheProtocolClose(string hex, int code)
    {
        var (up, down) = (new Pipe(), new Pipe());
        var served = _rig.Server.RunAsync(DerpTransport.ForWebSocket(up.Reader, down.Writer, null), CancellationToken.None);

        await up.Writer.WriteAsync(Vectors.Bytes(hex));

        Assert.Equal(DerpCloseReason.BadHandshake, await served.Soon());
        var all = (await down.Reader.ReadAsync().Soon()).Buffer.ToArray();
        Assert.Equal((0x88, code), (all[^11], BinaryPrimitives.ReadUInt16BigEndian(all.AsSpan(all.Length - 9))));
    }

    [Fact]
    public async Task PingsAreAnsweredWhereverTheStreamIsCut()
    {
        var key = NodePrivateKey.Generate();
        var info = DerpHandshake.ClientInfo(key.PublicKey, key.BoxWith(_rig.Server.PublicKey), "{\"version\":2}"u8);
        byte[] bytes = [.. Masked(2, info), .. Masked(9, [1, 2, 3]), .. Masked(2, DerpTestClient.Frame(DerpFrameType.Ping, new byte[8]))];
        for (var cut = 0; cut < bytes.Length; cut++)
        {
            var (up, down) = (new Pipe(), new Pipe());
            var served = _rig.Server.RunAsync(DerpTransport.ForWebSocket(up.Reader, down.Writer, null), CancellationToken.None);
            await up.Writer.WriteAsync(bytes.AsMemory(0, cut));
            await up.Writer.WriteAsync(bytes.AsMemory(cut));
            await up.Writer.CompleteAsync();
            Assert.Equal(DerpCloseReason.ClientClosed, await served.Soon());
            var all = Vectors.Hex((await down.Reader.ReadAsync().Soon()).Buffer.ToArray());
            Assert.Contains("8a03010203", all, StringComparison.Ordinal);
            Assert.Contains("820d" + "1300000008" + "0000000000000000", all, StringComparison.Ordinal);
        }
    }

    private static byte[] Masked(byte opcode, byte[] payload)
    {
        byte[] mask = [0x11, 0x22, 0x33, 0x44];
        byte[] length = payload.Length < 126 ? [(byte)(0x80 | payload.Length)] : [0xfe, (byte)(payload.Length >> 8), (byte)payload.Length];
        return [(byte)(0x80 | opcode), .. length, .. mask, .. payload.Select((value, i) => (byte)(value ^ mask[i & 3]))];
    }

    private static async Task<NodeKey> GreetAsync(WebSocket socket)
    {
        var key = NodePrivateKey.Generate();
        var (type, payload, _) = await ReadAsync(socket);
        Assert.Equal(DerpFrameType.ServerKey, type);
        Assert.True(DerpHandshake.TryReadServerKey(payload, out var server));
        var info = DerpHandshake.ClientInfo(key.PublicKey, key.BoxWith(server), "{\"version\":2}"u8);
        await socket.SendAsync(info, WebSocketMessageType.Binary, true, CancellationToken.None);
        Assert.Equal(DerpFrameType.ServerInfo, (await ReadAsync(socket)).Type);
        return key.PublicKey;
    }

    private static async Task<(DerpFrameType Type, byte[] Payload, int LargestMessage)> ReadAsync(WebSocket socket)
    {
        var (bytes, buffer, largest, message) = (new List<byte>(), new byte[70_000], 0, 0);
        while (true)
        {
            var result = await socket.ReceiveAsync(buffer, CancellationToken.None).Soon();
            bytes.AddRange(buffer[..result.Count]);
            message += result.Count;
            largest = Math.Max(largest, message);
            message = result.EndOfMessage ? 0 : message;
            if (DerpFrameHeader.TryRead(bytes.ToArray(), out var header) && bytes.Count == 5 + header.Length)
            {
                return (header.Type, bytes.Skip(5).ToArray(), largest);
            }
        }
    }

    private (WebSocket Socket, Task<DerpCloseReason> Served) Connect()
    {
        var (up, down) = (new Pipe(), new Pipe());
        var served = _rig.Server.RunAsync(DerpTransport.ForWebSocket(up.Reader, down.Writer, null), CancellationToken.None);
        return (WebSocket.CreateFromStream(
            new Duplex(down.Reader.AsStream(), up.Writer.AsStream()), new WebSocketCreationOptions()), served);
    }

    private sealed class Duplex(Stream input, Stream output) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override void Flush() => output.Flush();

        public override Task FlushAsync(CancellationToken cancellationToken) => output.FlushAsync(cancellationToken);

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            input.ReadAsync(buffer, cancellationToken);

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
            output.WriteAsync(buffer, cancellationToken);
    }
}
