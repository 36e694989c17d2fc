using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Tailnet.Coordination;
using Tailnet.Messages;
using Kind = Tailnet.Messages.CoordinateResponse.Types.PeerUpdate.Types.Kind;

namespace ControlPlane.Tests;

/// <summary>Version 1 of coordination (tailnet.md §3.1): JSON nodes, beside peers of version 2.</summary>
public sealed class JsonCoordinateTests
{
    private const string AgentPath = "/api/v2/workspaceagents/me/coordinate";

    [Theory]
    [InlineData("", "")]
    [InlineData("?version=1.0", "?version=1.0")]
    public async Task AnAgentAndAClientOfVersion1SeeEachOther(string agentQuery, string clientQuery)
    {
        await using var server = await ApiServer.StartAsync();
        using var agent = await TailnetLink.DialAsync(server, AgentPath + agentQuery, server.Agent.AuthToken);
        using var client = await TailnetLink.DialAsync(
            server, server.AgentPath + "/coordinate" + clientQuery, server.Credentials!.SessionToken);
        await SendAsync(agent, NodeOf(1));
        await SendAsync(client, NodeOf(2) + NodeOf(3));

        var node = Assert.Single(await ReceiveAsync(client));
        Assert.Equal(
            (1, 999, "nodekey:"),
            (node.GetProperty("id").GetInt64(), node.GetProperty("preferred_derp").GetInt32(), node.GetProperty("key").GetString()![..8]));

        // Of two updates only the latest need be heard.
        JsonElement last;
        do
        {
            last = Assert.Single(await ReceiveAsync(agent));
        }
        while (last.GetProperty("id").GetInt64() != 3);
        await SendAsync(agent, NodeOf(4));
        Assert.Equal(4, Assert.Single(await ReceiveAsync(client)).GetProperty("id").GetInt64());
    }

    [Fact]
    public async Task AnOldAgentAndANewClientReachEachOther()
    {
        await using var server = await ApiServer.StartAsync();
        using var agent = await TailnetLink.DialAsync(server, AgentPath, server.Agent.AuthToken);
        await using var client = await TailnetLink.CoordinateAsync(server);
        await using var call = await client.CoordinateAsync();
        await SendAsync(agent, NodeOf(1));
        await call.SendAsync(new CoordinateRequest
        {
            UpdateSelf = new() { Node = ProtoNode(2) },
            AddTunnel = new() { Id = PeerIds.Write(server.Agent.Id) },
        });

        Assert.Equal(2, Assert.Single(await ReceiveAsync(agent)).GetProperty("id").GetInt64());
        var news = new List<Kind>();
        while (news.Count < 2)
        {
            var response = (await call.ReceiveAsync().Soon())!;
            Assert.Equal("", response.Error);
            news.AddRange(response.PeerUpdates.Select(static update => update.Kind));
        }

        // An old agent does not say that it is ready; the server says it once the agent was told, or clients would wait.
        Assert.Equal([Kind.Node, Kind.ReadyForHandshake], news.Order());

        agent.Abort();
        Assert.Equal(Kind.Lost, (await call.UpdateAsync()).Kind);
    }

    [Fact]
    public async Task ANewAgentAndAnOldClientReachEachOther()
    {
        await using var server = await ApiServer.StartAsync();
        await using var agent = await TailnetLink.RpcAsync(server);
        await using var call = await agent.CoordinateAsync();
        await call.SendAsync(new CoordinateRequest { UpdateSelf = new() { Node = ProtoNode(1) } });
        using var client = await TailnetLink.DialAsync(server, server.AgentPath + "/coordinate", server.Credentials!.SessionToken);
        await SendAsync(client, NodeOf(2));

        var update = await call.UpdateAsync();
        Assert.Equal((Kind.Node, 2L), (update.Kind, update.Node.Id));
        Assert.Equal(34, update.Node.Key.Length);
        Assert.Equal(1, Assert.Single(await ReceiveAsync(client)).GetProperty("id").GetInt64());

        // The client is told of nodes only: no news that it could not read.
        await call.SendAsync(
            new CoordinateRequest { ReadyForHandshake = { new CoordinateRequest.Types.ReadyForHandshake { Id = update.Id } } });
        await call.SendAsync(new CoordinateRequest { UpdateSelf = new() { Node = ProtoNode(3) } });
        Assert.Equal(3, Assert.Single(await ReceiveAsync(client)).GetProperty("id").GetInt64());
        await client.CloseAsync(WebSocketCloseStatus.NormalClosure, "", TestContext.Current.CancellationToken);
        Assert.Equal(Kind.Lost, (await call.UpdateAsync()).Kind);
        Assert.Equal(WebSocketCloseStatus.NormalClosure, client.CloseStatus);
    }

    [Theory]
    [InlineData("nonsense", WebSocketCloseStatus.InternalServerError, "read json: not an object")]
    [InlineData("""{"key":"nodekey:12"}""", WebSocketCloseStatus.InternalServerError, "read json: not a node")]
    [InlineData("""{"id":"one"}""", WebSocketCloseStatus.InternalServerError, "read json: not a node")]
    [InlineData(
        """{"addresses":["fd7a:115c:a1e0::1/128"]}""",
        WebSocketCloseStatus.PolicyViolation,
        "authorization: invalid node address, it is not this agent's")]
    [InlineData(
        """{"addresses":["fd7a:115c:a1e0::/64"]}""",
        WebSocketCloseStatus.PolicyViolation,
        "authorization: invalid address bits, expected a single address")]
    public async Task WhatAnAgentMayNotSayEndsItsSocketWithTheReason(string json, WebSocketCloseStatus status, string reason)
    {
        await using var server = await ApiServer.StartAsync();
        using var agent = await TailnetLink.DialAsync(server, AgentPath, server.Agent.AuthToken);
        await SendAsync(agent, json);

        Assert.Equal((status, reason), await agent.ReceiveCloseAsync());
    }

    [Fact]
    public async Task ANodeWithoutEndIsClosedWith1009AndATextMessageWith1003()
    {
        await using var server = await ApiServer.StartAsync();
        using var large = await TailnetLink.DialAsync(server, AgentPath, server.Agent.AuthToken);
        await SendAsync(large, "{\"disco\":\"" + new string('a', 300 * 1024));
        Assert.Equal((WebSocketCloseStatus.MessageTooBig, "node is too large"), await large.ReceiveCloseAsync());

        using var text = await TailnetLink.DialAsync(server, server.AgentPath + "/coordinate", server.Credentials!.SessionToken);
        await text.SendAsync("{}"u8.ToArray(), WebSocketMessageType.Text, true, TestContext.Current.CancellationToken);
        Assert.Equal(WebSocketCloseStatus.InvalidMessageType, (await text.ReceiveCloseAsync()).Status);
    }

    [Fact]
    public async Task ASecondConnectionOfAnAgentClosesTheFirst()
    {
        await using var server = await ApiServer.StartAsync();
        using var first = await TailnetLink.DialAsync(server, AgentPath, server.Agent.AuthToken);
        await SendAsync(first, NodeOf(1));

        // The server accepts a WebSocket before the coordinator knows the peer.
        var coordinator = server.Services.GetRequiredService<ICoordinatorHost>();
        await Eventually.TrueAsync(() => coordinator.PeerCount == 1, "the first connection is a peer");
        using var second = await TailnetLink.DialAsync(server, AgentPath, server.Agent.AuthToken);

        Assert.Equal((WebSocketCloseStatus.NormalClosure, "peer ID overwritten by new connection"), await first.ReceiveCloseAsync());
    }

    [Fact]
    public async Task OnlyAnAgentAndItsUserGetIn()
    {
        await using var server = await ApiServer.StartAsync();
        Assert.Equal(401, (await server.GetAsync(AgentPath)).Status);
        Assert.Equal(401, (await server.GetAsync(AgentPath, server.Credentials!.SessionToken)).Status);
        Assert.Equal(426, (await server.GetAsync(AgentPath, server.Agent.AuthToken)).Status);
        Assert.Equal(401, (await server.GetAsync(server.AgentPath + "/coordinate", server.Agent.AuthToken)).Status);
        Assert.Equal(426, (await server.GetAsUserAsync(server.AgentPath + "/coordinate")).Status);
        var later = await server.GetAsync(AgentPath + "?version=2.0", server.Agent.AuthToken);
        Assert.Equal((400, "Unknown or unsupported API version"), (later.Status, later.Message));
    }

    [Fact]
    public async Task AnOldAgentCountsAsConnectedWhileItIsHere()
    {
        await using var server = await ApiServer.StartAsync(
            static directory => new ControlPlaneOptions { DataDirectory = directory, AgentPingInterval = TimeSpan.FromMilliseconds(20) });
        using (var agent = await TailnetLink.DialAsync(server, AgentPath, server.Agent.AuthToken))
        {
            await Eventually.TrueAsync(async () => await StatusAsync(server) == "connected", "the agent is connected");
        }

        await Eventually.TrueAsync(async () => await StatusAsync(server) == "disconnected", "the agent is disconnected");
        using var removed = await TailnetLink.DialAsync(server, AgentPath, server.Agent.AuthToken);
        await Eventually.TrueAsync(async () => await StatusAsync(server) == "connected", "the agent is back");
        server.Execute("DELETE FROM workspace_agents");
        Assert.Equal((WebSocketCloseStatus.PolicyViolation, "access was withdrawn"), await removed.ReceiveCloseAsync());
    }

    [Fact]
    public async Task WhenTheServerStopsOldPeersAreClosedWith1001()
    {
        await using var server = await ApiServer.StartAsync();
        using var agent = await TailnetLink.DialAsync(server, AgentPath, server.Agent.AuthToken);
        await SendAsync(agent, NodeOf(1));
        var stop = server.StopAsync();

        Assert.Equal((WebSocketCloseStatus.EndpointUnavailable, "server is shutting down"), await agent.ReceiveCloseAsync());
        await agent.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "", TestContext.Current.CancellationToken);
        await stop.WaitAsync(ApiServer.Patience);
    }

    private static string NodeOf(int id)
    {
        var key = new string((char)('0' + id), 64);
        return $$"""{"id":{{id}},"as_of":"2026-01-01T00:00:00Z","key":"nodekey:{{key}}","disco":"discokey:"""
            + $$"""{{key}}","preferred_derp":999,"derp_latency":{},"addresses":[],"allowed_ips":[],"endpoints":[]}""";
    }

    private static Node ProtoNode(int id) =>
        new() { Id = id, PreferredDerp = 1, Key = Google.Protobuf.ByteString.CopyFrom([.. "np"u8, .. new byte[32]]) };

    private static Task SendAsync(WebSocket socket, string json) =>
        socket.SendAsync(Encoding.UTF8.GetBytes(json), WebSocketMessageType.Binary, true, TestContext.Current.CancellationToken);

    private static async Task<List<JsonElement>> ReceiveAsync(WebSocket socket)
    {
        var buffer = new byte[32 * 1024];
        var result = await socket.ReceiveAsync(buffer, TestContext.Current.CancellationToken).WaitAsync(ApiServer.Patience);
        Assert.Equal((WebSocketMessageType.Binary, true), (result.MessageType, result.EndOfMessage));

        // Messages have no bounds of their own (§3.1): one may hold several values, of which the last is the news.
        JsonElement last = default;
        for (var at = 0; at < result.Count;)
        {
            var reader = new Utf8JsonReader(buffer.AsSpan(at, result.Count - at));
            last = JsonElement.ParseValue(ref reader);
            at += (int)reader.BytesConsumed;
            while (at < result.Count && buffer[at] is (byte)'\n' or (byte)' ')
            {
                at++;
            }
        }

        return [.. last.EnumerateArray()];
    }

    private static async Task<string?> StatusAsync(ApiServer server) => (await server.GetAsUserAsync(server.AgentPath)).Text("status");
}
