using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using Relay.Crypto;
using Relay.Derp;
using Relay.Derp.Wire;

namespace EndToEnd;

/// <summary>A DERP client of the test's own, over whatever stream it was connected by.</summary>
internal sealed class DerpPeer : IDisposable
{
    private readonly NodePrivateKey _key;
    private readonly Stream _stream;
    private readonly PipeReader _input;

    private DerpPeer(Stream stream, NodePrivateKey? key = null)
    {
        _key = key ?? NodePrivateKey.Generate();
        _stream = stream;
        _input = PipeReader.Create(stream);
    }

    public NodeKey Key => _key.PublicKey;

    public NodeKey ServerKey { get; private set; }

    /// <summary>The HTTP head that came before DERP; empty when there was none.</summary>
    public string Answer { get; private set; } = "";

    public static async Task<DerpPeer> ConnectAsync(Uri url, string request, NodePrivateKey? key = null)
    {
        var (peer, frame) = await TryConnectAsync(url, request, key);
        Assert.Equal(DerpFrameType.ServerInfo, frame);
        return peer;
    }

    /// <summary>Connects, and returns what came after the ClientInfo: <see cref="DerpFrameType.None"/> when the server closed.</summary>
    public static async Task<(DerpPeer Peer, DerpFrameType Frame)> TryConnectAsync(Uri url, string request, NodePrivateKey? key = null)
    {
        var peer = new DerpPeer(await DialAsync(url), key);
        await peer._stream.WriteAsync(Encoding.ASCII.GetBytes(request));
        peer.Answer = await peer.ReadHeadAsync();
        await peer.ReadServerKeyAsync();
        await peer._stream.WriteAsync(peer.ClientInfo(peer.ServerKey));
        return (peer, (await peer.NextAsync()).Type);
    }

    /// <summary>Connects to a server that listens nowhere itself, with a mesh key if given.</summary>
    public static async Task<DerpPeer> AttachAsync(DerpServer server, NodePrivateKey key, string? meshKey)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var peer = new DerpPeer(await DialAsync(new Uri($"tcp://{listener.LocalEndpoint}")), key);
        var served = new NetworkStream(await listener.AcceptSocketAsync(), ownsSocket: true);
        _ = server.RunAsync(new DerpTransport(PipeReader.Create(served), new DerpPipeOutput(PipeWriter.Create(served))), CancellationToken.None);
        await peer.ReadServerKeyAsync();
        await peer._stream.WriteAsync(peer.ClientInfo(peer.ServerKey, meshKey));
        Assert.Equal(DerpFrameType.ServerInfo, (await peer.NextAsync()).Type);
        return peer;
    }

    public static async Task<DerpPeer> FastStartAsync(Uri url, NodeKey server) => await FastStartAsync(await DialAsync(url), server);

    public static async Task<DerpPeer> FastStartAsync(Stream connected, NodeKey server)
    {
        var peer = new DerpPeer(connected);
        var request = Encoding.ASCII.GetBytes("GET /derp HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nDerp-Fast-Start: 1\r\nUpgrade: DERP\r\n\r\n");
        await peer._stream.WriteAsync(request.Concat(peer.ClientInfo(server)).ToArray());
        await peer.ReadServerKeyAsync();
        Assert.Equal(DerpFrameType.ServerInfo, (await peer.NextAsync()).Type);
        return peer;
    }

    public static async Task<DerpPeer> ConnectWebSocketAsync(Uri url, string path = "/derp")
    {
        var socket = await TestSocket.ConnectAsync(url, path, static options => options.AddSubProtocol("derp"));
        Assert.Equal("derp", socket.SubProtocol);
        var peer = new DerpPeer(WebSocketStream.Create(socket, WebSocketMessageType.Binary, ownsWebSocket: true));
        await peer.ReadServerKeyAsync();
        await peer._stream.WriteAsync(peer.ClientInfo(peer.ServerKey));
        Assert.Equal(DerpFrameType.ServerInfo, (await peer.NextAsync()).Type);
        return peer;
    }

    public async Task SendAsync(NodeKey to, byte[] packet)
    {
        var frame = new byte[DerpProtocol.HeaderLength + NodeKey.Length + packet.Length];
        DerpFrameHeader.Write(frame, DerpFrameType.SendPacket, NodeKey.Length + packet.Length);
        to.CopyTo(frame.AsSpan(DerpProtocol.HeaderLength));
        packet.CopyTo(frame, DerpProtocol.HeaderLength + NodeKey.Length);
        await _stream.WriteAsync(frame);
        await _stream.FlushAsync();
    }

    /// <summary>The next packet, which must be from <paramref name="sender"/>.</summary>
    public async Task<byte[]> ExpectAsync(NodeKey sender)
    {
        var (type, payload) = await NextAsync();
        Assert.Equal(DerpFrameType.RecvPacket, type);
        Assert.Equal(sender, new NodeKey(payload.AsSpan(0, NodeKey.Length)));
        return payload[NodeKey.Length..];
    }

    /// <summary>The next frame; of type <see cref="DerpFrameType.None"/> when the server has finished or reset the connection.</summary>
    public async Task<(DerpFrameType Type, byte[] Payload)> NextAsync()
    {
        while (true)
        {
            ReadResult result;
            try
            {
                result = await _input.ReadAsync().AsTask().WaitAsync(TestNode.Patience);
            }
            catch (IOException)
            {
                return (DerpFrameType.None, []);
            }

            var buffer = result.Buffer;
            var status = DerpFrameReader.TryRead(ref buffer, 1 << 20, out var header, out var payload);
            var bytes = System.Buffers.BuffersExtensions.ToArray(payload);
            _input.AdvanceTo(buffer.Start, status is DerpFrameStatus.Frame ? buffer.Start : buffer.End);
            if (status is DerpFrameStatus.Frame)
            {
                return (header.Type, bytes);
            }

            if (result.IsCompleted)
            {
                return (DerpFrameType.None, []);
            }
        }
    }

    /// <summary>Sends itself a packet through the server.</summary>
    public async Task AssertAliveAsync()
    {
        await SendAsync(Key, "still here"u8.ToArray());
        Assert.Equal(DerpFrameType.RecvPacket, await NextOfNoteAsync());
    }

    /// <summary>Waits until the server closes, which it does without a word.</summary>
    public async Task AssertClosedAsync() => Assert.Equal(DerpFrameType.None, await NextOfNoteAsync());

    public void Dispose() => _stream.Dispose();

    private async Task<DerpFrameType> NextOfNoteAsync()
    {
        DerpFrameType type;
        do
        {
            type = (await NextAsync()).Type;
        }
        while (type is DerpFrameType.KeepAlive or DerpFrameType.Ping);
        return type;
    }

    private static async Task<NetworkStream> DialAsync(Uri url)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPAddress.Loopback, url.Port);
        return new NetworkStream(socket, ownsSocket: true);
    }

    private byte[] ClientInfo(NodeKey server, string? meshKey = null) =>
        DerpHandshake.ClientInfo(Key, NaClBox.TryCreate(_key, server)!, new ClientInfo(2, meshKey, true, false).ToJson());

    private async Task ReadServerKeyAsync()
    {
        var (type, payload) = await NextAsync();
        Assert.Equal(DerpFrameType.ServerKey, type);
        Assert.True(DerpHandshake.TryReadServerKey(payload, out var key));
        ServerKey = key;
    }

    private async Task<string> ReadHeadAsync()
    {
        while (true)
        {
            var result = await _input.ReadAsync().AsTask().WaitAsync(TestNode.Patience);
            var text = Encoding.Latin1.GetString(System.Buffers.BuffersExtensions.ToArray(result.Buffer));
            var end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
            if (end >= 0)
            {
                _input.AdvanceTo(result.Buffer.GetPosition(end + 4));
                return text[..(end + 4)];
            }

            Assert.False(result.IsCompleted, text);
            _input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        }
    }
}
