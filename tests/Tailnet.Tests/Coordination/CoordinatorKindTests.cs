using Tailnet.Coordination;

namespace Tailnet.Tests.Coordination;

/// <summary>One server, in memory.</summary>
public sealed class InMemoryCoordinatorTests : CoordinatorTests
{
    private readonly List<InMemoryCoordinator> _coordinators = [];

    [Fact]
    public async Task AClosedCoordinatorLosesEveryone()
    {
        await using var agent = await AgentAsync();
        await using var client = await ClientAsync();
        await agent.HandleAsync(Self(1));
        await client.HandleAsync(Add(AgentId));
        Assert.Equal("Node 1", await NextAsync(client));
        await _coordinators[0].DisposeAsync();

        Assert.Equal("Lost", await NextAsync(client));
        Assert.Equal("coordinator closed", (await client.ReadAsync().Soon())!.Error);
        Assert.Null(await client.ReadAsync().Soon());
        var late = await ClientAsync();
        Assert.Equal("coordinator closed", (await late.ReadAsync().Soon())!.Error);
    }

    [Fact]
    public async Task AReadyBeforeTheNodeIsNotPassedOn()
    {
        await using var agent = await AgentAsync();
        await using var client = await ClientAsync();
        await client.HandleAsync(Add(AgentId));
        await agent.HandleAsync(Ready(ClientId));
        await agent.HandleAsync(Self(1));
        Assert.Equal("Node 1", await NextAsync(client));
    }

    private protected override ICoordinator Create(CoordinatorOptions options)
    {
        _coordinators.Add(new InMemoryCoordinator(options));
        return _coordinators[^1];
    }

    private protected override int PeerCount(ICoordinator coordinator) => ((InMemoryCoordinator)coordinator).PeerCount;

    private protected override bool HasNoTunnels(ICoordinator coordinator) => ((InMemoryCoordinator)coordinator).HasNoTunnels;
}

/// <summary>One server that shares its peers with others, which have none.</summary>
public sealed class SharedCoordinatorTests : CoordinatorTests
{
    private protected override ICoordinator Create(CoordinatorOptions options) => new SharedServers(1, options);

    private protected override int PeerCount(ICoordinator coordinator) => ((SharedServers)coordinator).PeerCount;

    private protected override bool HasNoTunnels(ICoordinator coordinator) => ((SharedServers)coordinator).HasNoTunnels;
}

/// <summary>Two servers. Each connection is to another one than the last.</summary>
public sealed class TwoCoordinatorsTests : CoordinatorTests
{
    private protected override ICoordinator Create(CoordinatorOptions options) => new SharedServers(2, options);

    private protected override int PeerCount(ICoordinator coordinator) => ((SharedServers)coordinator).PeerCount;

    private protected override bool HasNoTunnels(ICoordinator coordinator) => ((SharedServers)coordinator).HasNoTunnels;
}
