using System.IO.Pipelines;
using System.Net.WebSockets;
using Tailnet.Coordination;
using Tailnet.Drpc;
using Tailnet.Messages;
using Tailnet.Yamux;

namespace EndToEnd;

/// <summary>Agents and clients of a tailnet, through the edge and its relay to the API server.</summary>
public class CoordinationTests
{
    [Fact]
    public async Task AnAgentAndAClientFindEachOtherThroughTheEdgeAndTheDrainClosesBothWith1001()
    {
        await using var edge = await TestNode.StartAsync();
        var bootstrap = edge.Node.Data.BootstrapFile;
        var agentId = Bootstrapped.AgentId(bootstrap);
        await using var agent = await Link.ConnectAsync(edge, "/api/v2/workspaceagents/me/rpc?version=2.10&role=agent", Bootstrapped.AgentToken(bootstrap));
        await using var client = await Link.ConnectAsync(
            edge, $"/api/v2/workspaceagents/{agentId}/coordinate?version=2.0", Bootstrapped.SessionToken(bootstrap));
        var agentCall = await agent.CoordinateAsync(new CoordinateRequest { UpdateSelf = NodeOf(1) });
        var clientCall = await client.CoordinateAsync(
            new CoordinateRequest { UpdateSelf = NodeOf(2), AddTunnel = new() { Id = PeerIds.Write(agentId) } });

        Assert.Equal(2, await NextNodeAsync(agentCall));
        Assert.Equal(1, await NextNodeAsync(clientCall));
        await agentCall.SendAsync(new CoordinateRequest { UpdateSelf = NodeOf(3) });
        Assert.Equal(3, await NextNodeAsync(clientCall));

        var stop = edge.Node.StopAsync();
        Assert.Equal(WebSocketCloseStatus.EndpointUnavailable, await agent.CloseStatusAsync());
        Assert.Equal(WebSocketCloseStatus.EndpointUnavailable, await client.CloseStatusAsync());
        await stop.WaitAsync(TestNode.Patience);
    }

    private static CoordinateRequest.Types.UpdateSelf NodeOf(long id) => new() { Node = new Node { Id = id, PreferredDerp = 1 } };

    private static async Task<long> NextNodeAsync(DrpcClientCall<CoordinateResponse> call)
    {
        var response = await call.ReceiveAsync().WaitAsync(TestNode.Patience);
        Assert.Equal("", response!.Error);
        return Assert.Single(response.PeerUpdates).Node.Id;
    }

    /// <summary>A peer's side of a session: WebSocket, yamux dialer, dRPC.</summary>
    private sealed class Link : IDuplexPipe, IAsyncDisposable
    {
        private readonly ClientWebSocket _socket;
        private readonly YamuxSession _session;
        private readonly Task<YamuxCloseReason> _ended;

        private Link(ClientWebSocket socket)
        {
            _socket = socket;
            var stream = WebSocketStream.Create(socket, WebSocketMessageType.Binary);
            Input = PipeReader.Create(stream, new StreamPipeReaderOptions(leaveOpen: true));
            Output = PipeWriter.Create(stream, new StreamPipeWriterOptions(leaveOpen: true));
            _session = new YamuxSession(this, YamuxRole.Dialer);
            _ended = _session.RunAsync();
        }

        public PipeReader Input { get; }

        public PipeWriter Output { get; }

        public static async Task<Link> ConnectAsync(TestNode edge, string path, string token) =>
            new(await TestSocket.ConnectAsync(edge.PublicUrl, path, options => options.SetRequestHeader("Coder-Session-Token", token)));

        public async Task<DrpcClientCall<CoordinateResponse>> CoordinateAsync(CoordinateRequest first)
        {
            var call = await new DrpcClient(_session).StartAsync("/coder.tailnet.v2.Tailnet/Coordinate", CoordinateResponse.Parser);
            await call.SendAsync(first);
            return call;
        }

        /// <summary>How the other side has closed the socket; answers it.</summary>
        public async Task<WebSocketCloseStatus?> CloseStatusAsync()
        {
            await _ended.WaitAsync(TestNode.Patience);
            await _socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None).WaitAsync(TestNode.Patience);
            return _socket.CloseStatus;
        }

        public async ValueTask DisposeAsync()
        {
            _socket.Abort();
            await _ended.WaitAsync(TestNode.Patience);
            _session.Dispose();
            _socket.Dispose();
        }
    }
}
