using System.Net.WebSockets;
using System.Text.Json;
using ControlPlane.Coordination;
using Microsoft.Extensions.DependencyInjection;
using Tailnet.AgentMessages;
using Tailnet.Coordination;
using Tailnet.Drpc;
using Tailnet.Messages;
using Tailnet.Services;
using Tailnet.Yamux;
using Kind = Tailnet.Messages.CoordinateResponse.Types.PeerUpdate.Types.Kind;

namespace ControlPlane.Tests;

public sealed class CoordinateTests
{
    [Theory]
    [InlineData("?version=0.9", "version 0.9 is no longer supported")]
    [InlineData("?version=1.9", "version 1.9 is no longer supported")]
    [InlineData("?version=2.11", "server is at version 2.10, behind requested minor version 2.11")]
    [InlineData("?version=3.0", "server is at version 2.10, behind requested major version 3.0")]
    [InlineData("?version=2", "invalid version string: 2")]
    [InlineData("?version=x.1", "invalid major version: x")]
    [InlineData("?version=2.-1", "invalid minor version: -1")]
    public async Task AVersionThatIsNotServedIsRefusedBeforeTheUpgrade(string query, string detail)
    {
        await using var server = await ApiServer.StartAsync();
        var answer = await server.GetAsUserAsync(server.AgentPath + "/coordinate" + query);

        Assert.Equal((400, "Unknown or unsupported API version"), (answer.Status, answer.Message));
        var validation = Assert.Single(answer.Json.GetProperty("validations").EnumerateArray());
        Assert.Equal(("version", detail), (validation.GetProperty("field").GetString(), validation.GetProperty("detail").GetString()));
    }

    [Fact]
    public async Task Version1IsServedOnlyWhereItWas()
    {
        await using var server = await ApiServer.StartAsync();
        Assert.Equal(400, (await server.GetAsUserAsync("/api/v2/tailnet?version=1.0")).Status);
        Assert.Equal(400, (await server.GetAsync("/api/v2/workspaceagents/me/rpc?version=1.0", server.Agent.AuthToken)).Status);
    }

    [Fact]
    public async Task ARequestWithoutAHandshakeIs426AndWithoutASession401()
    {
        await using var server = await ApiServer.StartAsync();
        foreach (var path in new[] { server.AgentPath + "/coordinate?version=2.0", "/api/v2/tailnet" })
        {
            Assert.Equal(426, (await server.GetAsUserAsync(path)).Status);
            Assert.Equal(401, (await server.GetAsync(path)).Status);
            Assert.Equal(401, (await server.GetAsync(path, server.Agent.AuthToken)).Status);
        }
    }

    [Fact]
    public async Task AConnectionGoesOnAfterA426AlsoWhereItsRequestHadABody()
    {
        await using var server = await ApiServer.StartAsync();
        using var client = await RawClient.ConnectAsync(server.Client.BaseAddress!);
        for (var i = 0; i < 3; i++)
        {
            await client.SendAsync(
                $"GET /api/v2/workspaceagents/me/rpc HTTP/1.1\r\nHost: x\r\nCoder-Session-Token: {server.Agent.AuthToken}\r\n"
                    + "Content-Length: 7\r\n\r\n{\"a\":1}");
            Assert.StartsWith(
                "HTTP/1.1 426",
                (await client.ReceiveUntilAsync("version 13 over HTTP/1.1.\"}\n")).TrimStart(),
                StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("eyJhbGciOiJIUzUxMiIsImtpZCI6IjEifQ.eyJzdWIiOiJ4In0.AAAA")]
    public async Task ABadResumeTokenIs401WithItsField(string token)
    {
        await using var server = await ApiServer.StartAsync();
        var answer = await server.GetAsUserAsync($"{server.AgentPath}/coordinate?version=2.0&resume_token={token}");

        Assert.Equal((401, "Invalid resume token"), (answer.Status, answer.Message));
        Assert.Equal("resume_token", answer.Json.GetProperty("validations")[0].GetProperty("field").GetString());
    }

    [Fact]
    public async Task AResumeTokenKeepsThePeerIdAlsoAfterARestart()
    {
        var directory = ApiServer.NewDirectory();
        try
        {
            string token;
            BootstrapCredentials credentials;
            await using (var first = await ApiServer.StartAsync(directory: directory))
            {
                credentials = first.Credentials!;
                await using var link = await TailnetLink.TailnetAsync(first);
                token = await link.ResumeTokenAsync();
            }

            await using var second = await ApiServer.StartAsync(directory: directory);
            await using var again = await TailnetLink.ConnectAsync(
                second, $"/api/v2/tailnet?version=2.0&resume_token={token}", credentials.SessionToken);
            Assert.Equal(SubjectOf(token), SubjectOf(await again.ResumeTokenAsync()));
            await using var other = await TailnetLink.ConnectAsync(second, "/api/v2/tailnet", credentials.SessionToken);
            Assert.NotEqual(SubjectOf(token), SubjectOf(await other.ResumeTokenAsync()));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public async Task ATextMessageIsAnsweredByClose1003()
    {
        await using var server = await ApiServer.StartAsync();
        using var socket = await TailnetLink.DialAsync(server, "/api/v2/tailnet", server.Credentials!.SessionToken);
        await socket.SendAsync("hello"u8.ToArray(), WebSocketMessageType.Text, true, CancellationToken.None);

        Assert.Equal(WebSocketCloseStatus.InvalidMessageType, (await socket.ReceiveCloseAsync()).Status);
    }

    [Fact]
    public async Task ASessionThatTheClientEndsIsClosedWith1000()
    {
        await using var server = await ApiServer.StartAsync();
        await using var link = await TailnetLink.TailnetAsync(server);
        await link.ResumeTokenAsync();

        Assert.Equal(WebSocketCloseStatus.NormalClosure, await link.CloseAsync());
    }

    [Fact]
    public async Task WhenTheServerStopsPeersHearThatAndTheSocketsEndWith1001()
    {
        await using var server = await ApiServer.StartAsync();
        await using var link = await TailnetLink.CoordinateAsync(server);
        await using var call = await link.CoordinateAsync();
        var agent = await server.Services.GetRequiredService<ICoordinatorHost>()
            .ConnectAsync(server.Agent.Id, CoordinateeAuth.Agent(server.Agent.Id));
        await agent.HandleAsync(new CoordinateRequest { UpdateSelf = new() { Node = new Node { Id = 1 } } });
        await call.SendNodeAsync(2, server.Agent.Id);
        Assert.Equal(1, (await call.UpdateAsync()).Node.Id);

        var stop = server.StopAsync();
        Assert.Equal(YamuxCloseReason.PeerClose, await link.Ended.Soon());
        Assert.Equal(WebSocketCloseStatus.EndpointUnavailable, await link.CloseAsync());
        Assert.Equal(Kind.Lost, (await call.UpdateAsync()).Kind);
        Assert.Equal("coordinator closed", (await call.ReceiveAsync().Soon())!.Error);
        await stop.WaitAsync(ApiServer.Patience);
    }

    [Fact]
    public async Task AClientMayOpenATunnelOnlyToTheAgentOfTheUrl()
    {
        await using var server = await ApiServer.StartAsync();
        await using var link = await TailnetLink.CoordinateAsync(server);
        await using var call = await link.CoordinateAsync();
        await call.SendNodeAsync(2, Guid.NewGuid());

        Assert.StartsWith("authorization: ", (await call.ReceiveAsync().Soon())!.Error, StringComparison.Ordinal);
        Assert.Null(await call.ReceiveAsync().Soon());
    }

    [Fact]
    public async Task AUserMayOpenTunnelsToItsOwnAgentsOnly()
    {
        await using var server = await ApiServer.StartAsync();
        await using var link = await TailnetLink.TailnetAsync(server);
        await using (var mine = await link.CoordinateAsync())
        {
            await mine.SendNodeAsync(2, server.Agent.Id);
            await using var agent = await server.Services.GetRequiredService<ICoordinatorHost>()
                .ConnectAsync(server.Agent.Id, CoordinateeAuth.Server);
            await agent.HandleAsync(new CoordinateRequest { UpdateSelf = new() { Node = new Node { Id = 1 } } });
            Assert.Equal(1, (await mine.UpdateAsync()).Node.Id);
        }

        await using var other = await link.CoordinateAsync();
        await other.SendNodeAsync(2, Guid.NewGuid());
        Assert.Equal(
            "authorization: workspace agent not found or you do not have permission", (await other.ReceiveAsync().Soon())!.Error);
    }

    [Fact]
    public async Task TelemetryIsAcceptedAndCounted()
    {
        await using var server = await ApiServer.StartAsync();
        await using var link = await TailnetLink.CoordinateAsync(server);
        await link.UnaryAsync(
            TailnetLink.Tailnet + "PostTelemetry",
            new TelemetryRequest { Events = { new TelemetryEvent(), new TelemetryEvent() } },
            TelemetryResponse.Parser);

        Assert.Equal(2, server.Services.GetRequiredService<TelemetryCounter>().Events);
    }

    [Fact]
    public async Task TheMapIsTheEmbeddedRegionAtThePublicUrlAndIsPushedWhenItChanges()
    {
        await using var server = await ApiServer.StartAsync(
            static directory => new ControlPlaneOptions { DataDirectory = directory, PublicUrl = new Uri("https://coder.example") });
        await using var link = await TailnetLink.CoordinateAsync(server);
        await using var maps = link.Client
            .ServerStreamAsync(TailnetLink.Tailnet + "StreamDERPMaps", new StreamDERPMapsRequest(), DERPMap.Parser)
            .GetAsyncEnumerator();
        Assert.True(await maps.MoveNextAsync().AsTask().Soon());
        var region = maps.Current.Regions[999];
        Assert.True(region.EmbeddedRelay);
        var node = Assert.Single(region.Nodes);
        Assert.Equal(("coder.example", 443, -1, false), (node.HostName, node.DerpPort, node.StunPort, node.ForceHttp));

        server.Services.GetRequiredService<DerpMapPublisher>().Publish(new DERPMap());
        Assert.True(await maps.MoveNextAsync().AsTask().Soon());
        Assert.Empty(maps.Current.Regions);
    }

    [Fact]
    public async Task AUsersWorkspacesComeAtOnceAndThenWhatChanges()
    {
        await using var server = await ApiServer.StartAsync(
            static directory => new ControlPlaneOptions { DataDirectory = directory, WorkspaceRecheck = TimeSpan.FromMilliseconds(20) });
        var owner = JsonSerializer.Deserialize<JsonElement>((await server.GetAsUserAsync("/api/v2/users/me")).Body)
            .GetProperty("id").GetGuid();
        await using var link = await TailnetLink.TailnetAsync(server, "?version=2.3");
        await using var updates = Updates(link, owner).GetAsyncEnumerator();
        Assert.True(await updates.MoveNextAsync().AsTask().Soon());
        var workspace = Assert.Single(updates.Current.UpsertedWorkspaces);
        Assert.Equal(("default", Workspace.Types.Status.Running), (workspace.Name, workspace.Status));
        var agent = Assert.Single(updates.Current.UpsertedAgents);
        Assert.Equal(("main", PeerIds.Write(server.Agent.Id), workspace.Id), (agent.Name, agent.Id, agent.WorkspaceId));

        server.Execute("UPDATE workspaces SET name = 'renamed'");
        Assert.True(await updates.MoveNextAsync().AsTask().Soon());
        Assert.Equal("renamed", Assert.Single(updates.Current.UpsertedWorkspaces).Name);
        Assert.Empty(updates.Current.UpsertedAgents);

        server.Execute("DELETE FROM workspace_agents");
        Assert.True(await updates.MoveNextAsync().AsTask().Soon());
        Assert.Equal(agent, Assert.Single(updates.Current.DeletedAgents));
        Assert.Empty(updates.Current.UpsertedWorkspaces);

        await using var others = Updates(link, Guid.NewGuid()).GetAsyncEnumerator();
        await Assert.ThrowsAsync<DrpcException>(() => others.MoveNextAsync().AsTask().Soon());
    }

    [Fact]
    public async Task AWorkspaceThatThisProcessHasChangedIsToldAtOnceAndNotAtTheRecheck()
    {
        await using var server = await ApiServer.StartAsync(
            static directory => new ControlPlaneOptions { DataDirectory = directory, WorkspaceRecheck = TimeSpan.FromHours(1) });
        var owner = (await server.GetAsUserAsync("/api/v2/users/me")).Json.GetProperty("id").GetGuid();
        await using var link = await TailnetLink.TailnetAsync(server, "?version=2.3");
        await using var updates = Updates(link, owner).GetAsyncEnumerator();
        Assert.True(await updates.MoveNextAsync().AsTask().Soon());
        await using var agent = await TailnetLink.RpcAsync(server);
        var made = await agent.UnaryAsync(
            TailnetLink.Agent + "CreateSubAgent", new CreateSubAgentRequest { Name = "child" }, CreateSubAgentResponse.Parser);

        Assert.True(await updates.MoveNextAsync().AsTask().Soon());
        Assert.Equal(("child", made.Agent.Id), (Assert.Single(updates.Current.UpsertedAgents).Name, updates.Current.UpsertedAgents[0].Id));
        await agent.UnaryAsync(
            TailnetLink.Agent + "DeleteSubAgent", new DeleteSubAgentRequest { Id = made.Agent.Id }, DeleteSubAgentResponse.Parser);
        Assert.True(await updates.MoveNextAsync().AsTask().Soon());
        Assert.Equal(made.Agent.Id, Assert.Single(updates.Current.DeletedAgents).Id);
    }

    private static IAsyncEnumerable<WorkspaceUpdate> Updates(TailnetLink link, Guid owner) => link.Client.ServerStreamAsync(
        TailnetLink.Tailnet + "WorkspaceUpdates", new WorkspaceUpdatesRequest { WorkspaceOwnerId = PeerIds.Write(owner) },
        WorkspaceUpdate.Parser);

    private static string SubjectOf(string token) =>
        JsonDocument.Parse(System.Buffers.Text.Base64Url.DecodeFromChars(token.Split('.')[1])).RootElement.GetProperty("sub").GetString()!;
}
