using System.IO.Pipelines;
using System.Net.WebSockets;
using System.Text;
using Google.Protobuf;
using Tailnet.Coordination;
using Tailnet.Drpc;
using Tailnet.Messages;
using Tailnet.Yamux;
using Kind = Tailnet.Messages.CoordinateResponse.Types.PeerUpdate.Types.Kind;

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
        await using var agent = await Link.ConnectAsync(
            edge, "/api/v2/workspaceagents/me/rpc?version=2.10&role=agent", Bootstrapped.AgentToken(bootstrap));
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

    [Fact]
    public async Task PeersOfAnApiServerThatRestartsHearOfItAndComeBackWithTheirIds()
    {
        using var directory = new TemporaryDirectory();
        var data = directory.File("data");
        var api = await TestNode.StartAsync("Edge:Mode=api", "Edge:DataDirectory=" + data);
        var bootstrap = api.Node.Data.BootstrapFile;
        var (agentId, agentToken, session) =
            (Bootstrapped.AgentId(bootstrap), Bootstrapped.AgentToken(bootstrap), Bootstrapped.SessionToken(bootstrap));
        await using var edge = await TestNode.StartAsync(
            "Edge:Mode=edge",
            "ReverseProxy:Routes:r:ClusterId=c",
            "ReverseProxy:Routes:r:Match:Path=/{**rest}",
            $"ReverseProxy:Clusters:c:Destinations:d:Address={api.PublicUrl}");

        ByteString before;
        string token;
        await using (var agent = await Link.ConnectAsync(edge, AgentPath, agentToken))
        {
            await using var client = await Link.ConnectAsync(edge, ClientPath(agentId), session);
            token = await client.ResumeTokenAsync();
            var agentCall = await agent.CoordinateAsync(new CoordinateRequest { UpdateSelf = NodeOf(1) });
            await client.CoordinateAsync(Towards(agentId));
            before = (await NextAsync(agentCall)).Id;

            var stop = api.DisposeAsync();
            Assert.Equal(Kind.Lost, (await NextAsync(agentCall)).Kind);
            Assert.Equal("coordinator closed", (await agentCall.ReceiveAsync().WaitAsync(TestNode.Patience))!.Error);
            Assert.Equal(WebSocketCloseStatus.EndpointUnavailable, await agent.CloseStatusAsync());
            Assert.Equal(WebSocketCloseStatus.EndpointUnavailable, await client.CloseStatusAsync());
            await stop;
        }

        await using var restarted = await TestNode.StartAsync("Edge:Mode=api", "Edge:DataDirectory=" + data);
        edge.Reload(("ReverseProxy:Clusters:c:Destinations:d:Address", restarted.PublicUrl.ToString()));
        await Eventually.TrueAsync(
            async () => (await edge.Public.GetAsync("/healthz")).IsSuccessStatusCode, "the edge has found the API server again");
        await using var agentAgain = await Link.ConnectAsync(edge, AgentPath, agentToken);
        await using var clientAgain = await Link.ConnectAsync(edge, ClientPath(agentId) + "&resume_token=" + token, session);
        await using var stranger = await Link.ConnectAsync(edge, ClientPath(agentId), session);
        var callAgain = await agentAgain.CoordinateAsync(new CoordinateRequest { UpdateSelf = NodeOf(1) });
        await clientAgain.CoordinateAsync(Towards(agentId));
        Assert.Equal(before, (await NextAsync(callAgain)).Id);
        await stranger.CoordinateAsync(Towards(agentId));
        Assert.NotEqual(before, (await NextAsync(callAgain)).Id);
    }

    [Fact]
    public async Task AnOldAgentIsFoundThroughTheEdge()
    {
        await using var edge = await TestNode.StartAsync();
        var bootstrap = edge.Node.Data.BootstrapFile;
        var agentId = Bootstrapped.AgentId(bootstrap);
        using var agent = await TestSocket.ConnectAsync(
            edge.PublicUrl,
            "/api/v2/workspaceagents/me/coordinate",
            options => options.SetRequestHeader("Coder-Session-Token", Bootstrapped.AgentToken(bootstrap)));
        await agent.SendAsync(
            Encoding.UTF8.GetBytes($$"""{"id":1,"key":"nodekey:{{new string('1', 64)}}","preferred_derp":999}"""),
            WebSocketMessageType.Binary,
            true,
            TestContext.Current.CancellationToken);
        await using var client = await Link.ConnectAsync(edge, ClientPath(agentId), Bootstrapped.SessionToken(bootstrap));
        var call = await client.CoordinateAsync(Towards(agentId));

        var node = (await NextAsync(call)).Node;
        Assert.Equal((1, 999, 34), (node.Id, node.PreferredDerp, node.Key.Length));
    }

    private const string AgentPath = "/api/v2/workspaceagents/me/rpc?version=2.10&role=agent";

    private static string ClientPath(Guid agentId) => $"/api/v2/workspaceagents/{agentId}/coordinate?version=2.0";

    private static CoordinateRequest Towards(Guid agentId) =>
        new() { UpdateSelf = NodeOf(2), AddTunnel = new() { Id = PeerIds.Write(agentId) } };

    private static CoordinateRequest.Types.UpdateSelf NodeOf(long id) => new() { Node = new Node { Id = id, PreferredDerp = 1 } };

    private static async Task<long> NextNodeAsync(DrpcClientCall<CoordinateResponse> call) => (await NextAsync(call)).Node.Id;

    private static async Task<CoordinateResponse.Types.PeerUpdate> NextAsync(DrpcClientCall<CoordinateResponse> call)
    {
        var response = await call.ReceiveAsync().WaitAsync(TestNode.Patience);
        Assert.Equal("", response!.Error);
        return Assert.Single(response.PeerUpdates);
    }

    /// <summary>A peer's side of a session: WebSocket, yamux dialer, dRPC.</summary>
    private sealed class Link : IDuplexPipe, IAsyncDisposable
    {
        private readonly ClientWebSocket _socket;
        private readonly YamuxSession _session;
        private readonly Task<YamuxCloseReason> _ended;
        private readonly Task _sending;

        private Link(ClientWebSocket socket)
        {
            _socket = socket;
            var stream = WebSocketStream.Create(socket, WebSocketMessageType.Binary);
            Input = PipeReader.Create(stream, new StreamPipeReaderOptions(leaveOpen: true));
            var output = new Pipe();
            Output = output.Writer;
            _sending = SendAsync(output.Reader, stream);
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

        public async Task<string> ResumeTokenAsync() => (await new DrpcClient(_session).UnaryAsync(
            "/coder.tailnet.v2.Tailnet/RefreshResumeToken", new RefreshResumeTokenRequest(), RefreshResumeTokenResponse.Parser)
            .WaitAsync(TestNode.Patience)).Token;

        /// <summary>How the other side has closed the socket; answers it.</summary>
        public async Task<WebSocketCloseStatus?> CloseStatusAsync()
        {
            await _ended.WaitAsync(TestNode.Patience);
            await _sending.WaitAsync(TestNode.Patience);
            await _socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None).WaitAsync(TestNode.Patience);
            return _socket.CloseStatus;
        }

        public async ValueTask DisposeAsync()
        {
            _socket.Abort();
            await _ended.WaitAsync(TestNode.Patience);
            await _sending.WaitAsync(TestNode.Patience);
            _session.Dispose();
            _socket.Dispose();
        }

        // Not by a PipeWriter over the stream: a session that ends cancels the flush under way, and a WebSocket whose send is cancelled is
        // aborted, so that it could not be closed in order.
        private static async Task SendAsync(PipeReader output, Stream stream)
        {
            Exception? failure = null;
            try
            {
                await output.CopyToAsync(stream);
            }
            catch (Exception error)
                when (error is IOException or WebSocketException or OperationCanceledException or ObjectDisposedException)
            {
                failure = error;
            }
            finally
            {
                await output.CompleteAsync(failure);
            }
        }
    }
}
