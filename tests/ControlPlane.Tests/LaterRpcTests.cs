using System.Diagnostics.Metrics;
using System.Net.WebSockets;
using ControlPlane.AgentRpc;
using Google.Protobuf;
using Tailnet.AgentMessages;
using Tailnet.Coordination;
using Tailnet.Drpc;
using Datapoint = Tailnet.AgentMessages.PushResourcesMonitoringUsageRequest.Types.Datapoint;
using NewApp = Tailnet.AgentMessages.CreateSubAgentRequest.Types.App;

namespace ControlPlane.Tests;

/// <summary>The agent's rpcs of versions 2.4 to 2.10: resources, sub-agents, boundary logs, context.</summary>
public sealed class LaterRpcTests
{
    [Fact]
    public async Task ASubAgentIsAnAgentOfItsOwnUntilItIsDeleted()
    {
        await using var server = await ApiServer.StartAsync();
        await using var parent = await TailnetLink.RpcAsync(server);
        var made = (await CreateAsync(parent, new CreateSubAgentRequest
        {
            Name = "dev-1",
            Directory = "/workspaces/x",
            Architecture = "arm64",
            OperatingSystem = "linux",
            DisplayApps = { CreateSubAgentRequest.Types.DisplayApp.WebTerminal, CreateSubAgentRequest.Types.DisplayApp.Vscode },
        })).Agent;
        var id = new Guid(made.Id.Span, bigEndian: true);
        var token = new Guid(made.AuthToken.Span, bigEndian: true).ToString();

        var view = (await server.GetAsUserAsync($"/api/v2/workspaceagents/{id}")).Json;
        Assert.Equal(
            (server.Agent.Id.ToString(), "dev-1", "/workspaces/x", "arm64", "linux"),
            (view.GetProperty("parent_id").GetString(), view.GetProperty("name").GetString(), view.GetProperty("directory").GetString(),
                view.GetProperty("architecture").GetString(), view.GetProperty("operating_system").GetString()));
        Assert.Equal(["web_terminal", "vscode"], view.GetProperty("display_apps").EnumerateArray().Select(static app => app.GetString()));
        await using (var child = await TailnetLink.ConnectAsync(server, "/api/v2/workspaceagents/me/rpc?version=2.6", token))
        {
            var manifest = await CallAsync(child, "GetManifest", new GetManifestRequest(), Manifest.Parser);
            Assert.Equal((made.Id, PeerIds.Write(server.Agent.Id)), (manifest.AgentId, manifest.ParentId));
        }

        var listed = Assert.Single((await ListAsync(parent)).Agents);
        Assert.Equal(("dev-1", made.Id), (listed.Name, listed.Id));
        await DeleteAsync(parent, made.Id);
        Assert.Empty((await ListAsync(parent)).Agents);
        Assert.Equal(404, (await server.GetAsUserAsync($"/api/v2/workspaceagents/{id}")).Status);
        Assert.Equal(401, (await server.GetAsync("/api/v2/workspaceagents/me/rpc", token)).Status);
        Assert.Equal("sub agent not found", (await Assert.ThrowsAsync<DrpcException>(() => DeleteAsync(parent, made.Id))).Message);
    }

    // The clock stands still, so that neither the next ping nor the next re-check closes it.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task TheStreamsOfASubAgentThatIsDeletedOrGetsANewTokenEndAtOnce(bool isDeleted)
    {
        await using var server = await ApiServer.StartAsync(time: new ManualTimeProvider());
        await using var parent = await TailnetLink.RpcAsync(server);
        var made = (await CreateAsync(parent, new CreateSubAgentRequest { Name = "child" })).Agent;
        var token = new Guid(made.AuthToken.Span, bigEndian: true).ToString();
        using var child = await TailnetLink.DialAsync(server, "/api/v2/workspaceagents/me/rpc?version=2.10&role=agent", token);
        await (isDeleted ? DeleteAsync(parent, made.Id) : (Task)CreateAsync(parent, new CreateSubAgentRequest { Id = made.Id }));
        Assert.Equal((WebSocketCloseStatus.PolicyViolation, "access was withdrawn"), await child.ReceiveCloseAsync());
    }

    [Theory]
    [InlineData("", "name cannot be empty")]
    [InlineData("has space", "does not match")]
    [InlineData("-dash", "does not match")]
    [InlineData("line\n", "does not match")]
    [InlineData("MAIN", "already exists")]
    public async Task ANameMustBeGoodAndFree(string name, string error)
    {
        await using var server = await ApiServer.StartAsync();
        await using var parent = await TailnetLink.RpcAsync(server);

        var failure = await Assert.ThrowsAsync<DrpcException>(() => CreateAsync(parent, new CreateSubAgentRequest { Name = name }));
        Assert.Contains(error, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task SubAgentsAreLimitedAndNoAgentReachesAnothers()
    {
        await using var server = await ApiServer.StartAsync(
            static directory => new ControlPlaneOptions { DataDirectory = directory, MaxSubAgentsPerWorkspace = 2 });
        await using var parent = await TailnetLink.RpcAsync(server);
        var first = (await CreateAsync(parent, new CreateSubAgentRequest { Name = "a" })).Agent;
        await using var child = await TailnetLink.ConnectAsync(
            server, "/api/v2/workspaceagents/me/rpc?version=2.6", new Guid(first.AuthToken.Span, bigEndian: true).ToString());
        var nested = (await CreateAsync(child, new CreateSubAgentRequest { Name = "b" })).Agent;
        await Assert.ThrowsAsync<DrpcException>(() => CreateAsync(child, new CreateSubAgentRequest { Name = "c" }));

        foreach (var id in new[] { nested.Id, PeerIds.Write(server.Agent.Id), PeerIds.Write(Guid.NewGuid()), ByteString.CopyFrom(1) })
        {
            await Assert.ThrowsAsync<DrpcException>(() => DeleteAsync(parent, id));
            await Assert.ThrowsAsync<DrpcException>(() => CreateAsync(parent, new CreateSubAgentRequest { Id = id }));
        }

        var bad = new CreateSubAgentRequest { Name = "d", DisplayApps = { (CreateSubAgentRequest.Types.DisplayApp)9 } };
        await Assert.ThrowsAsync<DrpcException>(() => CreateAsync(parent, bad));
    }

    [Fact]
    public async Task ADeclaredSubAgentIsUpdatedAndGetsANewToken()
    {
        await using var server = await ApiServer.StartAsync();
        await using var parent = await TailnetLink.RpcAsync(server);
        var made = (await CreateAsync(parent, new CreateSubAgentRequest { Name = "a", Directory = "/old" })).Agent;
        var again = (await CreateAsync(parent, new CreateSubAgentRequest
        {
            Id = made.Id,
            DisplayApps = { CreateSubAgentRequest.Types.DisplayApp.SshHelper },
        })).Agent;

        Assert.Equal(("a", made.Id), (again.Name, again.Id));
        Assert.NotEqual(made.AuthToken, again.AuthToken);
        var view = (await server.GetAsUserAsync($"/api/v2/workspaceagents/{new Guid(made.Id.Span, bigEndian: true)}")).Json;
        Assert.Equal(("/old", "ssh_helper"), (view.GetProperty("directory").GetString(), view.GetProperty("display_apps")[0].GetString()));
    }

    [Fact]
    public async Task AppsThatAreNotMadeAreReportedEachWithItsPlace()
    {
        await using var server = await ApiServer.StartAsync();
        await using var parent = await TailnetLink.RpcAsync(server);
        var response = await CreateAsync(parent, new CreateSubAgentRequest
        {
            Name = "a",
            Apps =
            {
                new NewApp { Slug = "good" },
                new NewApp { Slug = "Bad" },
                new NewApp { Slug = "good" },
                new NewApp(),
                new NewApp { Slug = "x", Share = (NewApp.Types.SharingLevel)9 },
            },
        });

        Assert.Equal([1, 2, 3, 4], response.AppCreationErrors.Select(static error => error.Index).Order());
        Assert.Equal(
            ["share", "slug", "slug", "slug"],
            response.AppCreationErrors.Where(static error => error.HasField).Select(static error => error.Field).Order());
        var view = (await server.GetAsUserAsync($"/api/v2/workspaceagents/{new Guid(response.Agent.Id.Span, bigEndian: true)}")).Json;
        Assert.EndsWith(
            "-good",
            Assert.Single(view.GetProperty("apps").EnumerateArray()).GetProperty("slug").GetString(),
            StringComparison.Ordinal);
    }

    [Fact]
    public void TheSlugOfASubAgentsAppSaysWhoseItIs()
    {
        // SHA-256 of "agent/app" in the alphabet 0-9a-v, its first 40 bits.
        var (apps, errors) = SubAgentApps.Check("agent", [new NewApp { Slug = "app" }]);
        Assert.Empty(errors);
        Assert.Matches("^[0-9a-v]{8}-app$", Assert.Single(apps).Slug);
        Assert.NotEqual(SubAgentApps.StoredSlug("agent", "app"), SubAgentApps.StoredSlug("other", "app"));
    }

    [Fact]
    public async Task ResourcesAreWatchedAsTheStoreSays()
    {
        await using var server = await ApiServer.StartAsync();
        await using var agent = await TailnetLink.RpcAsync(server);
        var nothing = await ConfigurationAsync(agent);
        Assert.Null(nothing.Memory);
        Assert.Equal((20, 10, 0), (nothing.Config.NumDatapoints, nothing.Config.CollectionIntervalSeconds, nothing.Volumes.Count));

        server.Execute($"INSERT INTO agent_resource_monitors (agent_id, path, enabled, threshold) VALUES ('{server.Agent.Id}', '', 1, 80), "
            + $"('{server.Agent.Id}', '/home', 1, 90), ('{server.Agent.Id}', '/tmp', 0, 10)");
        var configuration = await ConfigurationAsync(agent);
        Assert.True(configuration.Memory.Enabled);
        Assert.Equal([("/home", true), ("/tmp", false)], configuration.Volumes.Select(static volume => (volume.Path, volume.Enabled)));

        await PushAsync(agent, Enumerable.Repeat(Point(memory: 81, home: 10), 20));
        Assert.Equal([""], Over(server));
        await PushAsync(agent, Enumerable.Repeat(Point(memory: 10, home: 95), 20));
        Assert.Equal(["/home"], Over(server));
        await Assert.ThrowsAsync<DrpcException>(() => PushAsync(agent, Enumerable.Repeat(new Datapoint(), 2000)));
    }

    [Theory]
    [InlineData(false, "", false)]
    [InlineData(true, "", true)]
    [InlineData(false, "----------", false)]
    [InlineData(true, "----------", false)]
    [InlineData(false, "#---------", false)]
    [InlineData(true, "#---------", true)]
    [InlineData(true, "?---------", true)]
    [InlineData(false, "?????????#", false)]
    [InlineData(false, "#--#------", true)]
    [InlineData(false, "-----#####", true)]
    public void AResourceIsOverAfterAFifthOfTheWindowAndWellOnlyAfterAWholeOne(bool was, string window, bool expected) =>
        Assert.Equal(
            expected,
            ResourceMonitor.Next(was, [.. window.Select(static point => point switch { '#' => true, '-' => false, _ => (bool?)null })]));

    [Theory]
    [InlineData(80L, 100L, true)]
    [InlineData(79L, 100L, false)]
    [InlineData(null, 100L, null)]
    [InlineData(80L, 0L, null)]
    public void AMeasurementIsOverAtItsThreshold(long? used, long total, bool? expected) =>
        Assert.Equal(expected, ResourceMonitor.IsOver(used, total, 80));

    [Fact]
    public async Task BoundaryLogsAreCountedByDecision()
    {
        await using var server = await ApiServer.StartAsync();
        await using var agent = await TailnetLink.RpcAsync(server);
        var (allowed, denied) = (0L, 0L);
        using var listener = new MeterListener
        {
            InstrumentPublished = static (instrument, listener) =>
            {
                if (instrument.Name == "controlplane.agent.boundary.requests")
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((_, value, tags, _) =>
        {
            if (Equals(tags[0].Value, "allow"))
            {
                Interlocked.Add(ref allowed, value);
            }
            else
            {
                Interlocked.Add(ref denied, value);
            }
        });
        listener.Start();
        await CallAsync(
            agent,
            "ReportBoundaryLogs",
            new ReportBoundaryLogsRequest { Logs = { new BoundaryLog { Allowed = true }, new BoundaryLog(), new BoundaryLog() } },
            ReportBoundaryLogsResponse.Parser);

        Assert.Equal((1, 2), (Interlocked.Read(ref allowed), Interlocked.Read(ref denied)));
    }

    [Fact]
    public async Task AContextStateThatIsNotNewerIsNotAcceptedUnlessTheAgentStartsAgain()
    {
        await using var server = await ApiServer.StartAsync();
        await using var agent = await TailnetLink.RpcAsync(server);
        Assert.True(await ContextAsync(agent, 1, initial: true));
        Assert.True(await ContextAsync(agent, 5));
        Assert.False(await ContextAsync(agent, 5));
        Assert.False(await ContextAsync(agent, 4));
        Assert.Equal(5, server.Count("SELECT version FROM agent_context_states"));
        Assert.True(await ContextAsync(agent, 1, initial: true));
        await Assert.ThrowsAsync<DrpcException>(() => ContextAsync(agent, ulong.MaxValue));
    }

    private static List<string> Over(ApiServer server) => server.Database.Read(static connection =>
    {
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT path FROM agent_resource_monitors WHERE is_over = 1 ORDER BY path";
        using var reader = command.ExecuteReader();
        var paths = new List<string>();
        while (reader.Read())
        {
            paths.Add(reader.GetString(0));
        }

        return paths;
    });

    private static Datapoint Point(long memory, long home) => new()
    {
        Memory = new() { Used = memory, Total = 100 },
        Volumes =
        {
            new Datapoint.Types.VolumeUsage { Volume = "/home", Used = home, Total = 100 },
            new Datapoint.Types.VolumeUsage { Volume = "/tmp", Used = 99, Total = 100 },
        },
    };

    private static Task<T> CallAsync<T>(TailnetLink link, string name, IMessage request, MessageParser<T> parser)
        where T : class, IMessage<T> => link.UnaryAsync(TailnetLink.Agent + name, request, parser);

    private static Task<CreateSubAgentResponse> CreateAsync(TailnetLink link, CreateSubAgentRequest request) =>
        CallAsync(link, "CreateSubAgent", request, CreateSubAgentResponse.Parser);

    private static Task<DeleteSubAgentResponse> DeleteAsync(TailnetLink link, ByteString id) =>
        CallAsync(link, "DeleteSubAgent", new DeleteSubAgentRequest { Id = id }, DeleteSubAgentResponse.Parser);

    private static Task<ListSubAgentsResponse> ListAsync(TailnetLink link) =>
        CallAsync(link, "ListSubAgents", new ListSubAgentsRequest(), ListSubAgentsResponse.Parser);

    private static Task<GetResourcesMonitoringConfigurationResponse> ConfigurationAsync(TailnetLink link) => CallAsync(
        link, "GetResourcesMonitoringConfiguration", new GetResourcesMonitoringConfigurationRequest(),
        GetResourcesMonitoringConfigurationResponse.Parser);

    private static Task<PushResourcesMonitoringUsageResponse> PushAsync(TailnetLink link, IEnumerable<Datapoint> points) => CallAsync(
        link, "PushResourcesMonitoringUsage", new PushResourcesMonitoringUsageRequest { Datapoints = { points } },
        PushResourcesMonitoringUsageResponse.Parser);

    private static async Task<bool> ContextAsync(TailnetLink link, ulong version, bool initial = false) => (await CallAsync(
        link,
        "PushContextState",
        new PushContextStateRequest { Version = version, Initial = initial, AggregateHash = ByteString.CopyFrom(new byte[32]) },
        PushContextStateResponse.Parser)).Accepted;
}
