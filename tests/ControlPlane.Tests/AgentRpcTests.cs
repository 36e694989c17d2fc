using System.Net.WebSockets;
using ControlPlane.Connections;
using ControlPlane.Statistics;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.DependencyInjection;
using Tailnet.AgentMessages;
using Tailnet.Coordination;
using Tailnet.Drpc;
using Tailnet.Messages;
using Tailnet.Yamux;
using Kind = Tailnet.Messages.CoordinateResponse.Types.PeerUpdate.Types.Kind;

namespace ControlPlane.Tests;

public sealed class AgentRpcTests
{
    private const string RpcPath = "/api/v2/workspaceagents/me/rpc";

    [Fact]
    public async Task OnlyAnAgentWithAVersionThatIsServedGetsASession()
    {
        await using var server = await ApiServer.StartAsync();
        Assert.Equal((401, "Cookie \"coder_session_token\" must be provided."), Of(await server.GetAsync(RpcPath)));
        Assert.Equal((401, "Workspace agent not authorized."), Of(await server.GetAsync(RpcPath, Guid.NewGuid().ToString())));
        Assert.Equal(401, (await server.GetAsync(RpcPath, server.Credentials!.SessionToken)).Status);
        Assert.Equal(
            (400, "Unknown or unsupported API version"),
            Of(await server.GetAsync(RpcPath + "?version=2.11", server.Agent.AuthToken)));
        Assert.Equal(426, (await server.GetAsync(RpcPath, server.Agent.AuthToken)).Status);
        Assert.Equal("2.10", (await server.GetAsync("/api/v2/buildinfo")).Text("agent_api_version"));
    }

    [Fact]
    public async Task AnAgentAndAClientSeeEachOthersNodes()
    {
        await using var server = await ApiServer.StartAsync();
        await using var agent = await TailnetLink.RpcAsync(server);
        await using var client = await TailnetLink.CoordinateAsync(server);
        await using var agentCall = await agent.CoordinateAsync();
        await using var clientCall = await client.CoordinateAsync();
        await agentCall.SendNodeAsync(1);
        await clientCall.SendNodeAsync(2, server.Agent.Id);

        var toClient = await clientCall.UpdateAsync();
        Assert.Equal((Kind.Node, 1L, PeerIds.Write(server.Agent.Id)), (toClient.Kind, toClient.Node.Id, toClient.Id));
        var toAgent = await agentCall.UpdateAsync();
        Assert.Equal((Kind.Node, 2L), (toAgent.Kind, toAgent.Node.Id));
        await agentCall.SendAsync(
            new CoordinateRequest { ReadyForHandshake = { new CoordinateRequest.Types.ReadyForHandshake { Id = toAgent.Id } } });
        Assert.Equal(Kind.ReadyForHandshake, (await clientCall.UpdateAsync()).Kind);
        await agentCall.SendNodeAsync(3);
        Assert.Equal(3, (await clientCall.UpdateAsync()).Node.Id);
    }

    [Fact]
    public async Task AClientThatSaysGoodbyeIsDisconnectedAndOneThatDoesNotIsLost()
    {
        await using var server = await ApiServer.StartAsync();
        await using var agent = await TailnetLink.RpcAsync(server);
        await using var agentCall = await agent.CoordinateAsync();
        await agentCall.SendNodeAsync(1);

        await using (var client = await TailnetLink.CoordinateAsync(server))
        {
            await using var call = await client.CoordinateAsync();
            await call.SendNodeAsync(2, server.Agent.Id);
            Assert.Equal(Kind.Node, (await agentCall.UpdateAsync()).Kind);
            await call.SendAsync(new CoordinateRequest { Disconnect = new() });
            Assert.Equal(Kind.Disconnected, (await agentCall.UpdateAsync()).Kind);
        }

        await using var careless = await TailnetLink.CoordinateAsync(server);
        await using var carelessCall = await careless.CoordinateAsync();
        await carelessCall.SendNodeAsync(3, server.Agent.Id);
        Assert.Equal(Kind.Node, (await agentCall.UpdateAsync()).Kind);
        careless.Abort();
        Assert.Equal(Kind.Lost, (await agentCall.UpdateAsync()).Kind);
    }

    [Fact]
    public async Task AnAgentClaimsOnlyItsOwnAddresses()
    {
        await using var server = await ApiServer.StartAsync();
        await using var agent = await TailnetLink.RpcAsync(server);
        await using var call = await agent.CoordinateAsync();
        await call.SendAsync(new CoordinateRequest { UpdateSelf = new() { Node = new Node { Addresses = { "fd7a:115c:a1e0::1/128" } } } });

        Assert.StartsWith("authorization: ", (await call.ReceiveAsync().Soon())!.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task TheManifestSaysWhatTheAgentIs()
    {
        await using var server = await ApiServer.StartAsync(
            static directory => new ControlPlaneOptions { DataDirectory = directory, PublicUrl = new Uri("http://localhost:8080") });
        server.Execute("""UPDATE workspace_agents SET directory = '/home/x', environment_variables = '{"A":"b"}'""");
        await using var agent = await TailnetLink.RpcAsync(server);
        var manifest = await CallAsync(agent, "GetManifest", new GetManifestRequest(), Manifest.Parser);

        Assert.Equal(PeerIds.Write(server.Agent.Id), manifest.AgentId);
        Assert.Equal(
            ("main", "admin", "default", "/home/x"),
            (manifest.AgentName, manifest.OwnerUsername, manifest.WorkspaceName, manifest.Directory));
        Assert.Equal("b", manifest.EnvironmentVariables["A"]);
        Assert.Equal((8080, true), (manifest.DerpMap.Regions[999].Nodes[0].DerpPort, manifest.DerpMap.Regions[999].Nodes[0].ForceHttp));
        Assert.Empty(manifest.Apps);
        Assert.False(manifest.HasParentId);
        Assert.Equal(
            1,
            server.Count("SELECT count(*) FROM workspaces WHERE id = '" + new Guid(manifest.WorkspaceId.Span, bigEndian: true) + "'"));
    }

    [Fact]
    public async Task ALargeManifestArrivesWhole()
    {
        await using var server = await ApiServer.StartAsync();
        var large = new string('x', 3_500_000);
        server.Execute($$"""UPDATE workspace_agents SET environment_variables = '{"A":"{{large}}"}'""");
        await using var agent = await TailnetLink.RpcAsync(server);
        Assert.Equal(large, (await CallAsync(agent, "GetManifest", new GetManifestRequest(), Manifest.Parser)).EnvironmentVariables["A"]);
    }

    [Fact]
    public async Task WithoutBannersThereAreNone()
    {
        await using var server = await ApiServer.StartAsync();
        await using var agent = await TailnetLink.RpcAsync(server);
        Assert.False((await CallAsync(agent, "GetServiceBanner", new GetServiceBannerRequest(), ServiceBanner.Parser)).Enabled);
        Assert.Empty((await CallAsync(
            agent, "GetAnnouncementBanners", new GetAnnouncementBannersRequest(),
            GetAnnouncementBannersResponse.Parser)).AnnouncementBanners);
    }

    [Fact]
    public async Task LifecycleAndStartupShowInTheAgent()
    {
        await using var server = await ApiServer.StartAsync();
        await using var agent = await TailnetLink.RpcAsync(server, "?version=2.4");
        await LifecycleAsync(agent, Lifecycle.Types.State.Starting, 1_700_000_000);
        Assert.Equal(("starting", "2023-11-14T22:13:20Z", null), await TimesAsync(server));
        await LifecycleAsync(agent, Lifecycle.Types.State.Ready, 1_700_000_001);
        Assert.Equal(("ready", "2023-11-14T22:13:20Z", "2023-11-14T22:13:21Z"), await TimesAsync(server));
        await LifecycleAsync(agent, Lifecycle.Types.State.Starting, 1_700_000_002);
        Assert.Equal(("starting", "2023-11-14T22:13:22Z", null), await TimesAsync(server));
        await Assert.ThrowsAsync<DrpcException>(() => LifecycleAsync(agent, Lifecycle.Types.State.Unspecified, 0));

        var startup = new Startup
        {
            Version = "v2.20.0",
            ExpandedDirectory = "/home/x",
            Subsystems = { Startup.Types.Subsystem.Exectrace, Startup.Types.Subsystem.Envbox },
        };
        await CallAsync(agent, "UpdateStartup", new UpdateStartupRequest { Startup = startup }, Startup.Parser);
        var view = await server.GetAsUserAsync(server.AgentPath);
        Assert.Equal(("v2.20.0", "2.4", "/home/x"), (view.Text("version"), view.Text("api_version"), view.Text("expanded_directory")));
        Assert.Equal(["envbox", "exectrace"], view.Json.GetProperty("subsystems").EnumerateArray().Select(static one => one.GetString()));
        foreach (var bad in new[]
        {
            new Startup { Version = "latest" }, new Startup { Version = "v1.0.0", Subsystems = { (Startup.Types.Subsystem)77 } },
        })
        {
            await Assert.ThrowsAsync<DrpcException>(
                () => CallAsync(agent, "UpdateStartup", new UpdateStartupRequest { Startup = bad }, Startup.Parser));
        }
    }

    [Fact]
    public async Task LogsOverRpcHaveTheStoreAndTheLimitOfRest()
    {
        await using var server = await ApiServer.StartAsync(
            static directory => new ControlPlaneOptions { DataDirectory = directory, MaxLogBytesPerAgent = 10 });
        await using var agent = await TailnetLink.RpcAsync(server);
        using var follower = await server.FollowAsync();
        Assert.Equal("[]\n", await follower.ReceiveTextAsync());

        Assert.False((await LogAsync(agent, "12345")).LogLimitExceeded);
        Assert.Equal(["12345"], await follower.ReceiveOutputsAsync());
        Assert.True((await LogAsync(agent, "123456")).LogLimitExceeded);
        Assert.Equal(413, (await server.PatchLogsAsync("123456")).Status);
        Assert.False((await LogAsync(agent, "67890")).LogLimitExceeded);
        Assert.Equal(["67890"], await follower.ReceiveOutputsAsync());
        Assert.True((await server.GetAsUserAsync(server.AgentPath)).Json.GetProperty("logs_overflowed").GetBoolean());
        Assert.Equal("warn", (await server.GetAsUserAsync(server.AgentPath + "/logs")).Json[0].GetProperty("level").GetString());
    }

    [Fact]
    public async Task ReportsAreStored()
    {
        await using var server = await ApiServer.StartAsync(
            static directory => new ControlPlaneOptions { DataDirectory = directory, MaxMetadataPerAgent = 2, MaxConnectionsPerAgent = 2 });
        await using var agent = await TailnetLink.RpcAsync(server);
        var stats = new UpdateStatsRequest { Stats = new Stats { ConnectionsByProto = { ["TCP"] = 1 }, RxBytes = 7, TxBytes = -1 } };
        for (var i = 0; i < 2; i++)
        {
            Assert.Equal(
                TimeSpan.FromMinutes(5),
                (await CallAsync(agent, "UpdateStats", stats, UpdateStatsResponse.Parser)).ReportInterval.ToTimeSpan());
        }

        await CallAsync(agent, "UpdateStats", new UpdateStatsRequest { Stats = new Stats() }, UpdateStatsResponse.Parser);
        await server.Services.GetRequiredService<StatsBuffer>().StoreAsync();
        Assert.Equal(1, server.Count("SELECT count(*) FROM agent_stats WHERE reports = 2 AND rx_bytes = 14 AND tx_bytes = 0"));

        await MetadataAsync(agent, "a", "b");
        await Assert.ThrowsAsync<DrpcException>(() => MetadataAsync(agent, "c"));
        await MetadataAsync(agent, "a");
        Assert.Equal(2, server.Count("SELECT count(*) FROM agent_metadata"));

        for (byte id = 1; id <= 3; id++)
        {
            await ConnectionAsync(agent, id, Connection.Types.Action.Connect);
        }

        await ConnectionAsync(agent, 3, Connection.Types.Action.Disconnect);
        Assert.Equal(2, server.Count("SELECT count(*) FROM agent_connections"));
        Assert.Equal(
            1,
            server.Count("SELECT count(*) FROM agent_connections WHERE connected_at IS NOT NULL AND disconnected_at IS NOT NULL"));
        await Assert.ThrowsAsync<DrpcException>(() => ConnectionAsync(agent, 4, Connection.Types.Action.Unspecified));
    }

    [Fact]
    public async Task WhatWasNeverDeclaredIsUnknown()
    {
        await using var server = await ApiServer.StartAsync();
        await using var agent = await TailnetLink.RpcAsync(server);
        var app = new BatchUpdateAppHealthRequest
        {
            Updates = { new BatchUpdateAppHealthRequest.Types.HealthUpdate { Id = PeerIds.Write(Guid.NewGuid()) } },
        };
        await Assert.ThrowsAsync<DrpcException>(() => CallAsync(agent, "BatchUpdateAppHealths", app, BatchUpdateAppHealthResponse.Parser));
        await CallAsync(agent, "BatchUpdateAppHealths", new BatchUpdateAppHealthRequest(), BatchUpdateAppHealthResponse.Parser);
        var script = new WorkspaceAgentScriptCompletedRequest { Timing = new Timing { ScriptId = PeerIds.Write(Guid.NewGuid()) } };
        await Assert.ThrowsAsync<DrpcException>(
            () => CallAsync(agent, "ScriptCompleted", script, WorkspaceAgentScriptCompletedResponse.Parser));
    }

    [Fact]
    public async Task TheStatusFollowsTheConnection()
    {
        await using var server = await ApiServer.StartAsync();
        Assert.Equal("connecting", await StatusAsync(server));
        await using (await TailnetLink.RpcAsync(server, "?role=log-shipper"))
        {
            Assert.Equal("connecting", await StatusAsync(server));
        }

        await using (await TailnetLink.RpcAsync(server))
        {
            await Eventually.TrueAsync(async () => await StatusAsync(server) == "connected", "the agent is connected");
        }

        await Eventually.TrueAsync(async () => await StatusAsync(server) == "disconnected", "the agent is disconnected");
        var view = await server.GetAsUserAsync(server.AgentPath);
        Assert.NotNull(view.Text("first_connected_at"));
        Assert.NotNull(view.Text("disconnected_at"));

        await using var again = await TailnetLink.RpcAsync(server, "");
        await Eventually.TrueAsync(async () => await StatusAsync(server) == "connected", "the agent is back");
    }

    [Fact]
    public async Task AnOlderConnectionsEndDoesNotHideANewerOne()
    {
        await using var server = await ApiServer.StartAsync();
        var monitor = server.Services.GetRequiredService<AgentMonitor>();
        var (older, newer) = (new YamuxSession(new Nowhere(), YamuxRole.Acceptor), new YamuxSession(new Nowhere(), YamuxRole.Acceptor));
        using var olderEnds = new CancellationTokenSource();
        using var newerEnds = new CancellationTokenSource();
        var first = monitor.RunAsync(server.Agent.Id, older, olderEnds.Token);
        var second = monitor.RunAsync(server.Agent.Id, newer, newerEnds.Token);
        await olderEnds.CancelAsync();
        await first.WaitAsync(ApiServer.Patience);
        await Eventually.TrueAsync(async () => await StatusAsync(server) == "connected", "the newer connection counts");
        await newerEnds.CancelAsync();
        await second.WaitAsync(ApiServer.Patience);
        Assert.Equal("disconnected", await StatusAsync(server));
    }

    [Fact]
    public async Task AnAgentThatDoesNotAnswerPingsIsDisconnected()
    {
        await using var server = await ApiServer.StartAsync(static directory => new ControlPlaneOptions
        {
            DataDirectory = directory,
            AgentPingInterval = TimeSpan.FromMilliseconds(20),
            AgentPongTimeout = TimeSpan.FromMilliseconds(200),
        });

        // The agent reads nothing, so it answers no ping.
        using var silent = await TailnetLink.DialAsync(server, RpcPath, server.Agent.AuthToken);
        await Eventually.TrueAsync(async () => await StatusAsync(server) == "disconnected", "the silent agent is disconnected");
    }

    [Fact]
    public async Task AnAgentThatWasRemovedIsClosed()
    {
        await using var server = await ApiServer.StartAsync(
            static directory => new ControlPlaneOptions { DataDirectory = directory, AgentPingInterval = TimeSpan.FromMilliseconds(20) });
        await using var agent = await TailnetLink.RpcAsync(server);
        await Eventually.TrueAsync(async () => await StatusAsync(server) == "connected", "the agent is connected");
        server.Execute("DELETE FROM workspace_agents");
        await agent.Ended.Soon();
        Assert.Equal(WebSocketCloseStatus.PolicyViolation, await agent.CloseAsync());
    }

    private static Task<T> CallAsync<T>(TailnetLink link, string name, IMessage request, MessageParser<T> parser)
        where T : class, IMessage<T> => link.UnaryAsync(TailnetLink.Agent + name, request, parser);

    private static Task<Lifecycle> LifecycleAsync(TailnetLink link, Lifecycle.Types.State state, long seconds) => CallAsync(
        link,
        "UpdateLifecycle",
        new UpdateLifecycleRequest { Lifecycle = new Lifecycle { State = state, ChangedAt = new Timestamp { Seconds = seconds } } },
        Lifecycle.Parser);

    private static Task<BatchCreateLogsResponse> LogAsync(TailnetLink link, string output) => CallAsync(
        link,
        "BatchCreateLogs",
        new BatchCreateLogsRequest
        {
            LogSourceId = PeerIds.Write(Guid.Empty),
            Logs = { new Log { Output = output, Level = Log.Types.Level.Warn } },
        },
        BatchCreateLogsResponse.Parser);

    private static Task<BatchUpdateMetadataResponse> MetadataAsync(TailnetLink link, params string[] keys) => CallAsync(
        link,
        "BatchUpdateMetadata",
        new BatchUpdateMetadataRequest { Metadata = { keys.Select(static key => new Metadata { Key = key }) } },
        BatchUpdateMetadataResponse.Parser);

    private static Task<Empty> ConnectionAsync(TailnetLink link, byte id, Connection.Types.Action action) => CallAsync(
        link,
        "ReportConnection",
        new ReportConnectionRequest
        {
            Connection = new Connection
            {
                Id = ByteString.CopyFrom(new byte[15].Append(id).ToArray()),
                Action = action,
                Type = Connection.Types.Type.Ssh,
            },
        },
        Empty.Parser);

    private static async Task<string?> StatusAsync(ApiServer server) => (await server.GetAsUserAsync(server.AgentPath)).Text("status");

    private static async Task<(string? State, string? Started, string? Ready)> TimesAsync(ApiServer server)
    {
        var view = await server.GetAsUserAsync(server.AgentPath);
        return (view.Text("lifecycle_state"), view.Text("started_at"), view.Text("ready_at"));
    }

    private static (int Status, string? Message) Of(Answer answer) => (answer.Status, answer.Message);

    private sealed class Nowhere : System.IO.Pipelines.IDuplexPipe
    {
        private readonly System.IO.Pipelines.Pipe _pipe = new();

        public System.IO.Pipelines.PipeReader Input => _pipe.Reader;

        public System.IO.Pipelines.PipeWriter Output => _pipe.Writer;
    }
}
