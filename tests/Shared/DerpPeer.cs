using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using Relay.Derp;
using Relay.Derp.Wire;

namespace Testing;

/// <summary>A DERP client of the test's own, over whatever stream it was connected by.</summary>
internal sealed class DerpPeer : IDisposable
{
    /// <summary>What a client asks for DERP with.</summary>
    public const string Upgrade =
        "GET /derp HTTP/1.1\r\nHost: x\r\nUser-Agent: Go-http-client/1.1\r\nConnection: Upgrade\r\nUpgrade: DERP\r\n\r\n";

    /// <summary>A packet of disco, as short as one may be.</summary>
    public static readonly byte[] Disco = [.. "TS"u8, 0xf0, 0x9f, 0x92, 0xac, .. new byte[56]];

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

    /// <summary>How long a frame is waited for.</summary>
    public TimeSpan Patience { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>The port from which it came, if it came by plain TCP.</summary>
    public int LocalPort => ((IPEndPoint)Socket.LocalEndPoint!).Port;

    /// <summary>For those who send and receive themselves; if it came by plain TCP.</summary>
    public Socket Socket => ((NetworkStream)_stream).Socket;

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

    /// <summary>Connects by an upgrade, as this kind of client.</summary>
    /// <param name="url">The node.</param>
    /// <param name="key">The client's key, or null for a new one.</param>
    /// <param name="info">What the client says of itself, or null for what most do.</param>
    /// <param name="receiveBuffer">Bytes that the client's kernel takes before the client reads; 0 for as many as it likes.</param>
    public static async Task<DerpPeer> JoinAsync(
        Uri url, NodePrivateKey? key = null, ReadOnlyMemory<byte> info = default, int receiveBuffer = 0)
    {
        var peer = await GreetedAsync(url, key, receiveBuffer);
        await peer._stream.WriteAsync(peer.Sealed(info.IsEmpty ? new ClientInfo(2, null, true, false).ToJson() : info.Span));
        Assert.Equal(DerpFrameType.ServerInfo, (await peer.NextAsync()).Type);
        return peer;
    }

    /// <summary>Connects up to the ServerKey frame: the client's turn.</summary>
    public static async Task<DerpPeer> GreetedAsync(Uri url, NodePrivateKey? key = null, int receiveBuffer = 0)
    {
        var peer = new DerpPeer(await DialAsync(url, receiveBuffer), key);
        await peer._stream.WriteAsync(Encoding.ASCII.GetBytes(Upgrade));
        peer.Answer = await peer.ReadHeadAsync();
        await peer.ReadServerKeyAsync();
        return peer;
    }

    /// <summary>What a holder of the mesh key says of itself.</summary>
    public static byte[] MeshInfo(string meshKey) => new ClientInfo(2, meshKey, false, false).ToJson();

    /// <summary>A frame of any type.</summary>
    public static byte[] Frame(DerpFrameType type, params ReadOnlySpan<byte> payload)
    {
        var frame = new byte[DerpProtocol.HeaderLength + payload.Length];
        DerpFrameHeader.Write(frame, type, payload.Length);
        payload.CopyTo(frame.AsSpan(DerpProtocol.HeaderLength));
        return frame;
    }

    public static byte[] Bytes(NodeKey key)
    {
        var bytes = new byte[NodeKey.Length];
        key.CopyTo(bytes);
        return bytes;
    }

    /// <summary>A packet's frame.</summary>
    public static byte[] Packet(NodeKey to, ReadOnlySpan<byte> packet) => Frame(DerpFrameType.SendPacket, [.. Bytes(to), .. packet]);

    /// <summary>The client's first frame, around any text.</summary>
    public byte[] Sealed(ReadOnlySpan<byte> json) => DerpHandshake.ClientInfo(Key, _key.BoxWith(ServerKey), json);

    /// <summary>Sends any bytes.</summary>
    public async Task WriteAsync(ReadOnlyMemory<byte> bytes)
    {
        await _stream.WriteAsync(bytes);
        await _stream.FlushAsync();
    }

    /// <summary>The next frame of a peer, with its reason or flags at the end.</summary>
    public async Task ExpectPeerAsync(DerpFrameType type, NodeKey peer, int last)
    {
        var (seen, payload) = await NextAsync();
        Assert.Equal(
            (type, peer.ToHex(), last),
            (seen, payload.Length < NodeKey.Length ? "" : new NodeKey(payload).ToHex(), payload.Length == 0 ? -1 : payload[^1]));
    }

    /// <summary>Pings, and gets nothing before the answer: all that was sent is handled, and there was nothing else to say.</summary>
    public async Task AssertQuietAsync()
    {
        await WriteAsync(Frame(DerpFrameType.Ping, 1, 2, 3, 4, 5, 6, 7, 8));
        var (type, payload) = await NextAsync();
        Assert.Equal((DerpFrameType.Pong, "0102030405060708"), (type, Convert.ToHexStringLower(payload)));
    }

    /// <summary>Connects to a server that listens nowhere itself, with a mesh key if given.</summary>
    public static async Task<DerpPeer> AttachAsync(DerpServer server, NodePrivateKey key, string? meshKey)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var peer = new DerpPeer(await DialAsync(new Uri($"tcp://{listener.LocalEndpoint}")), key);
        var served = new NetworkStream(await listener.AcceptSocketAsync(), ownsSocket: true);
        _ = server.RunAsync(
            new DerpTransport(PipeReader.Create(served), new DerpPipeOutput(PipeWriter.Create(served))), CancellationToken.None);
        await peer.ReadServerKeyAsync();
        await peer._stream.WriteAsync(peer.ClientInfo(peer.ServerKey, meshKey));
        Assert.Equal(DerpFrameType.ServerInfo, (await peer.NextAsync()).Type);
        return peer;
    }

    public static async Task<DerpPeer> FastStartAsync(Uri url, NodeKey server) => await FastStartAsync(await DialAsync(url), server);

    public static async Task<DerpPeer> FastStartAsync(Stream connected, NodeKey server)
    {
        var peer = new DerpPeer(connected);
        var request = Encoding.ASCII.GetBytes(
            "GET /derp HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nDerp-Fast-Start: 1\r\nUpgrade: DERP\r\n\r\n");
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
                result = await _input.ReadAsync().AsTask().WaitAsync(Patience);
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

    /// <summary>Waits until the server says that it restarts, and closes.</summary>
    public async Task AssertRestartingAsync()
    {
        Assert.Equal(DerpFrameType.Restarting, await NextOfNoteAsync());
        await AssertClosedAsync();
    }

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

    private static async Task<NetworkStream> DialAsync(Uri url, int receiveBuffer = 0)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        if (receiveBuffer > 0)
        {
            socket.ReceiveBufferSize = receiveBuffer;
        }

        await socket.ConnectAsync(IPAddress.Loopback, url.Port);
        return new NetworkStream(socket, ownsSocket: true);
    }

    private byte[] ClientInfo(NodeKey server, string? meshKey = null) =>
        DerpHandshake.ClientInfo(Key, _key.BoxWith(server), new ClientInfo(2, meshKey, true, false).ToJson());

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
            var result = await _input.ReadAsync().AsTask().WaitAsync(Patience);
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
