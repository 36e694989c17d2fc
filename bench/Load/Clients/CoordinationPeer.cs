using System.IO.Pipelines;
using System.Net;
using System.Net.WebSockets;
using Google.Protobuf;
using Tailnet.Coordination;
using Tailnet.Drpc;
using Tailnet.Messages;
using Tailnet.Yamux;

namespace Load.Clients;

/// <summary>An agent or a client: WebSocket, yamux dialer, one Coordinate call.</summary>
internal sealed class CoordinationPeer : IDuplexPipe, IDisposable
{
    private readonly YamuxSession _session;
    private DrpcClientCall<CoordinateResponse>? _call;

    private CoordinationPeer(ClientWebSocket socket)
    {
        var stream = WebSocketStream.Create(socket, WebSocketMessageType.Binary);
        Input = PipeReader.Create(stream, new StreamPipeReaderOptions(bufferSize: 1024));
        Output = PipeWriter.Create(stream, new StreamPipeWriterOptions(minimumBufferSize: 1024));
        _session = new YamuxSession(this, YamuxRole.Dialer);
        Ended = _session.RunAsync();
    }

    public PipeReader Input { get; }

    public PipeWriter Output { get; }

    public Task<YamuxCloseReason> Ended { get; }

    public static async Task<CoordinationPeer> ConnectAsync(IPEndPoint edge, string path, string token, Guid? tunnel, Action<Node> onNode)
    {
        var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader(Bootstrap.Header, token);
        await socket.ConnectAsync(new Uri($"ws://{edge}/api/v2/workspaceagents/{path}"), CancellationToken.None);
        var peer = new CoordinationPeer(socket);
        peer._call = await new DrpcClient(peer._session).StartAsync("/coder.tailnet.v2.Tailnet/Coordinate", CoordinateResponse.Parser);
        var first = new CoordinateRequest { UpdateSelf = new() { Node = NodeOf(0) } };
        if (tunnel is { } agent)
        {
            first.AddTunnel = new() { Id = PeerIds.Write(agent) };
        }

        await peer._call.SendAsync(first);
        _ = peer.ReceiveAsync(onNode);
        return peer;
    }

    public Task UpdateAsync(long id) => _call!.SendAsync(new CoordinateRequest { UpdateSelf = new() { Node = NodeOf(id) } });

    /// <summary>Ends the session.</summary>
    public void Dispose() => _session.Dispose();

    /// <summary>A node as large as those of real clients.</summary>
    private static Node NodeOf(long id) => new()
    {
        Id = id,
        PreferredDerp = 999,
        Key = ByteString.CopyFrom(new byte[34]),
        Disco = "discokey:" + new string('0', 64),
        DerpLatency = { ["999-v4"] = 0.01 },
        Endpoints = { "192.0.2.1:41641", "198.51.100.7:41641", "[2001:db8::1]:41641" },
    };

    private async Task ReceiveAsync(Action<Node> onNode)
    {
        try
        {
            while (await _call!.ReceiveAsync() is { } response)
            {
                foreach (var update in response.PeerUpdates)
                {
                    if (update.Node is { } node)
                    {
                        onNode(node);
                    }
                }
            }
        }
        catch (IOException)
        {
            // The session is over; the run counts the sessions that are.
            Dispose();
        }
    }
}
