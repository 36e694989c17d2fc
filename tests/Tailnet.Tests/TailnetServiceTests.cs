using System.Runtime.CompilerServices;
using Tailnet.Coordination;
using Tailnet.Drpc;
using Tailnet.Messages;
using Tailnet.Services;
using Kind = Tailnet.Messages.CoordinateResponse.Types.PeerUpdate.Types.Kind;

namespace Tailnet.Tests;

public sealed class TailnetServiceTests : IAsyncDisposable
{
    private const string Prefix = "/coder.tailnet.v2.Tailnet/";
    private static readonly Guid AgentId = Guid.NewGuid();
    private readonly InMemoryCoordinator _coordinator = new();
    private readonly DerpMapPublisher _maps = new(new DERPMap());

    public ValueTask DisposeAsync() => _coordinator.DisposeAsync();

    [Fact]
    public async Task AnAgentAndAClientFindEachOtherOverTheWire()
    {
        await using var agent = Pair(new TailnetCaller(AgentId, CoordinateeAuth.Agent(AgentId)));
        var client = Pair(new TailnetCaller(Guid.NewGuid(), CoordinateeAuth.Client(AgentId)));
        await using var agentCall = await agent.Client.StartAsync(Prefix + "Coordinate", CoordinateResponse.Parser);
        await using var clientCall = await client.Client.StartAsync(Prefix + "Coordinate", CoordinateResponse.Parser);
        await agentCall.SendAsync(new CoordinateRequest { UpdateSelf = new() { Node = new Node { Id = 1 } } });
        await clientCall.SendAsync(new CoordinateRequest
        {
            UpdateSelf = new() { Node = new Node { Id = 2 } },
            AddTunnel = new() { Id = PeerIds.Write(AgentId) },
        });

        Assert.Equal(1, (await clientCall.ReceiveAsync().Soon())!.PeerUpdates[0].Node.Id);
        var update = (await agentCall.ReceiveAsync().Soon())!.PeerUpdates[0];
        Assert.Equal(2, update.Node.Id);
        await agentCall.SendAsync(
            new CoordinateRequest { ReadyForHandshake = { new CoordinateRequest.Types.ReadyForHandshake { Id = update.Id } } });
        Assert.Equal(Kind.ReadyForHandshake, (await clientCall.ReceiveAsync().Soon())!.PeerUpdates[0].Kind);

        await client.DisposeAsync();
        Assert.Equal(Kind.Lost, (await agentCall.ReceiveAsync().Soon())!.PeerUpdates[0].Kind);
        await agentCall.SendAsync(new CoordinateRequest { Disconnect = new() });
        Assert.Null(await agentCall.ReceiveAsync().Soon());
        Assert.Equal(0, _coordinator.PeerCount);
    }

    [Fact]
    public async Task ARefusedPeerHearsWhyAndItsStreamEnds()
    {
        await using var agent = Pair(new TailnetCaller(AgentId, CoordinateeAuth.Agent(AgentId)));
        await using var call = await agent.Client.StartAsync(Prefix + "Coordinate", CoordinateResponse.Parser);
        await call.SendAsync(new CoordinateRequest { AddTunnel = new() { Id = PeerIds.Write(Guid.NewGuid()) } });

        Assert.Equal("authorization: agents cannot open tunnels", (await call.ReceiveAsync().Soon())!.Error);
        Assert.Null(await call.ReceiveAsync().Soon());
    }

    [Fact]
    public async Task TheMapComesAtOnceAndThenOnlyWhenItChanges()
    {
        await using var pair = Pair(new TailnetCaller(AgentId, CoordinateeAuth.Agent(AgentId)));
        await using var maps = pair.Client.ServerStreamAsync(Prefix + "StreamDERPMaps", new StreamDERPMapsRequest(), DERPMap.Parser)
            .GetAsyncEnumerator();
        Assert.True(await maps.MoveNextAsync().Soon());
        Assert.Empty(maps.Current.Regions);
        Assert.False(_maps.Publish(new DERPMap()));
        Assert.True(_maps.Publish(new DERPMap { Regions = { [5] = new DERPMap.Types.Region { RegionId = 5 } } }));

        Assert.True(await maps.MoveNextAsync().Soon());
        Assert.Equal(5, maps.Current.Regions[5].RegionId);
    }

    [Fact]
    public async Task PartsThatAreMissingAreUnimplemented()
    {
        await using var pair = Pair(new TailnetCaller(AgentId, CoordinateeAuth.Server));
        var token = await Assert.ThrowsAsync<DrpcException>(() => pair.Client.UnaryAsync(
            Prefix + "RefreshResumeToken", new RefreshResumeTokenRequest(), RefreshResumeTokenResponse.Parser).Soon());
        var telemetry = await Assert.ThrowsAsync<DrpcException>(() => pair.Client.UnaryAsync(
            Prefix + "PostTelemetry", new TelemetryRequest(), TelemetryResponse.Parser).Soon());
        var updates = await Assert.ThrowsAsync<DrpcException>(() => pair.Client.UnaryAsync(
            Prefix + "WorkspaceUpdates", new WorkspaceUpdatesRequest(), WorkspaceUpdate.Parser).Soon());

        Assert.All([token, telemetry, updates], static failure => Assert.Equal(DrpcException.UnimplementedCode, failure.Code));
    }

    [Fact]
    public async Task PartsThatArePresentAreReached()
    {
        var parts = new Everything();
        var user = Guid.NewGuid();
        await using var pair = Pair(new TailnetCaller(AgentId, CoordinateeAuth.Server, user), parts);
        var token = await pair.Client.UnaryAsync(
            Prefix + "RefreshResumeToken", new RefreshResumeTokenRequest(), RefreshResumeTokenResponse.Parser).Soon();
        await pair.Client.UnaryAsync(
            Prefix + "PostTelemetry", new TelemetryRequest { Events = { new TelemetryEvent() } }, TelemetryResponse.Parser).Soon();
        await using var updates = pair.Client.ServerStreamAsync(
            Prefix + "WorkspaceUpdates", new WorkspaceUpdatesRequest { WorkspaceOwnerId = PeerIds.Write(user) }, WorkspaceUpdate.Parser)
            .GetAsyncEnumerator();

        Assert.Equal(AgentId.ToString(), token.Token);
        Assert.Equal(1, parts.Events);
        Assert.True(await updates.MoveNextAsync().Soon());
        Assert.Equal(user.ToString(), updates.Current.UpsertedWorkspaces[0].Name);
        Assert.False(await updates.MoveNextAsync().Soon());
    }

    private DrpcPair Pair(TailnetCaller caller, Everything? parts = null) =>
        new(new TailnetService(new TailnetParts
        {
            Coordinator = _coordinator,
            DerpMaps = _maps,
            ResumeTokens = parts,
            Telemetry = parts,
            Workspaces = parts,
        }).AddTo(new DrpcRouter(), caller));

    private sealed class Everything : IResumeTokens, ITelemetrySink, IWorkspaceWatch
    {
        public int Events { get; private set; }

        public ValueTask<RefreshResumeTokenResponse> IssueAsync(Guid peer, CancellationToken cancellationToken) =>
            ValueTask.FromResult(new RefreshResumeTokenResponse { Token = peer.ToString() });

        public ValueTask AcceptAsync(TailnetCaller caller, IReadOnlyCollection<TelemetryEvent> events, CancellationToken cancellationToken)
        {
            Events += events.Count;
            return ValueTask.CompletedTask;
        }

        public async IAsyncEnumerable<WorkspaceUpdate> WatchAsync(
            TailnetCaller caller, Guid owner, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            await Task.Yield();
            yield return new WorkspaceUpdate { UpsertedWorkspaces = { new Workspace { Name = owner.ToString() } } };
        }
    }
}
