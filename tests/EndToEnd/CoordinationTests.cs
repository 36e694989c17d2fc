using System.Net.WebSockets;
using System.Text;
using Google.Protobuf;
using Tailnet.Coordination;
using Tailnet.Drpc;
using Tailnet.Messages;
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
        await using var agent = await CoordinationLink.ConnectAsync(
            edge, "/api/v2/workspaceagents/me/rpc?version=2.10&role=agent", Bootstrapped.AgentToken(bootstrap));
        await using var client = await CoordinationLink.ConnectAsync(
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
        await using (var agent = await CoordinationLink.ConnectAsync(edge, AgentPath, agentToken))
        {
            await using var client = await CoordinationLink.ConnectAsync(edge, ClientPath(agentId), session);
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
        await using var agentAgain = await CoordinationLink.ConnectAsync(edge, AgentPath, agentToken);
        await using var clientAgain = await CoordinationLink.ConnectAsync(edge, ClientPath(agentId) + "&resume_token=" + token, session);
        await using var stranger = await CoordinationLink.ConnectAsync(edge, ClientPath(agentId), session);
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
        await using var client = await CoordinationLink.ConnectAsync(edge, ClientPath(agentId), Bootstrapped.SessionToken(bootstrap));
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
}
