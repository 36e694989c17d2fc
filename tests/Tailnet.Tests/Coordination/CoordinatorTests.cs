using Tailnet.Coordination;
using Tailnet.Messages;
using Kind = Tailnet.Messages.CoordinateResponse.Types.PeerUpdate.Types.Kind;

namespace Tailnet.Tests.Coordination;

/// <summary>The field's conformance cases for a coordinator (tailnet protocol document §11.1), and the promises of ours.</summary>
public abstract class CoordinatorTests
{
    private protected static readonly Guid AgentId = Guid.Parse("01020304-0506-0708-090a-0b0c0d0e0f10");
    private protected static readonly Guid ClientId = Guid.Parse("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee");
    private readonly ICoordinator _coordinator;

    protected CoordinatorTests() => _coordinator = Create(new CoordinatorOptions());

    [Fact]
    public async Task AClientWithoutAnAgentIsRegistered()
    {
        await using var client = await ClientAsync();
        Assert.True(await client.HandleAsync(Self(1)));
        Assert.True(await client.HandleAsync(Add(AgentId)));
        Assert.Equal(1, PeerCount(_coordinator));
    }

    [Theory]
    [InlineData("fd7a:115c:a1e0::1/64")]
    [InlineData("10.0.0.1/32")]
    [InlineData("nonsense")]
    public async Task AClientsAddressMustBeSingle(string address)
    {
        await using var client = await ClientAsync();
        await AssertRefusedAsync(client, Self(1, address));
    }

    [Theory]
    [InlineData("fd7a:115c:a1e0:708:90a:b0c:d0e:f10/128", null)]
    [InlineData("fd60:627a:a42b:708:90a:b0c:d0e:f10/128", null)]
    [InlineData("fd7a:115c:a1e0:49d6:b259:b7ac:b1b2:48f4/128", null)]
    [InlineData("fd7a:115c:a1e0:708:90a:b0c:d0e:f10/128", "fd7a:115c:a1e0:708:90a:b0c:d0e:f11/128")]
    [InlineData("fd7a:115c:a1e0:708:90a:b0c:d0e:f10/64", null)]
    [InlineData("fd7a:115c:a1e0:708:90a:b0c:d0e:f11/128", null)]
    public async Task AnAgentClaimsOnlyItsOwnAddresses(string address, string? allowed)
    {
        await using var agent = await AgentAsync();
        var request = Self(1, address);
        request.UpdateSelf.Node.AllowedIps.Add(allowed ?? address);
        var fine = address.EndsWith("f10/128", StringComparison.Ordinal) || address.Contains("49d6", StringComparison.Ordinal);
        if (fine && allowed is null)
        {
            Assert.True(await agent.HandleAsync(request));
        }
        else
        {
            await AssertRefusedAsync(agent, request);
        }
    }

    [Fact]
    public async Task AnAgentOpensNoTunnelsAndAClientOnlyItsOwn()
    {
        await AssertRefusedAsync(await AgentAsync(), Add(ClientId), "authorization: agents cannot open tunnels");
        await AssertRefusedAsync(await ClientAsync(), Add(Guid.NewGuid()));
        await AssertRefusedAsync(await ClientAsync(), Ready(AgentId));
    }

    [Fact]
    public async Task AnAgentAndAClientGetEachOthersNodesAndUpdates()
    {
        await using var agent = await AgentAsync();
        await using var client = await ClientAsync();
        await agent.HandleAsync(Self(1));
        await client.HandleAsync(Self(2));
        await client.HandleAsync(Add(AgentId));

        Assert.Equal("Node 1", await NextAsync(client));
        Assert.Equal("Node 2", await NextAsync(agent));
        await agent.HandleAsync(Self(3));
        Assert.Equal("Node 3", await NextAsync(client));
        await client.HandleAsync(Self(4));
        Assert.Equal("Node 4", await NextAsync(agent));
    }

    [Fact]
    public async Task ASecondConnectionEvictsTheFirstAndHearsOfItsTunnels()
    {
        await using var agent = await AgentAsync();
        await agent.HandleAsync(Self(1));
        await using var first = await ClientAsync();
        await first.HandleAsync(Self(2));
        await first.HandleAsync(Add(AgentId));
        Assert.Equal("Node 2", await NextAsync(agent));
        await NextAsync(first);

        await using var second = await ClientAsync();
        Assert.Equal("peer ID overwritten by new connection", (await first.ReadAsync().Soon())!.Error);
        Assert.Null(await first.ReadAsync().Soon());
        Assert.False(await first.HandleAsync(Self(9)));
        await first.DisposeAsync();
        Assert.Equal("Node 1", await NextAsync(second));

        // The same node is sent again, because its connection is a new one.
        await second.HandleAsync(Self(2));
        Assert.Equal("Node 2", await NextAsync(agent));
        Assert.Equal(2, PeerCount(_coordinator));
    }

    [Fact]
    public async Task ReadyForHandshakeReachesTheClientAfterTheNode()
    {
        await using var agent = await AgentAsync();
        await using var client = await ClientAsync();
        await client.HandleAsync(Add(AgentId));
        await agent.HandleAsync(Self(1));
        await agent.HandleAsync(Ready(ClientId));

        var response = (await client.ReadAsync().Soon())!;
        Assert.Equal([Kind.Node, Kind.ReadyForHandshake], response.PeerUpdates.Select(static update => update.Kind));
        Assert.All(response.PeerUpdates, static update => Assert.Equal(PeerIds.Write(AgentId), update.Id));
    }

    [Fact]
    public async Task ReadyForHandshakeWithoutATunnelIsAnErrorAndTheConnectionStays()
    {
        await using var agent = await AgentAsync();
        Assert.True(await agent.HandleAsync(Ready(ClientId)));
        Assert.Equal(
            $"ready for handshake error: you do not share a tunnel with \"{ClientId}\"", (await agent.ReadAsync().Soon())!.Error);
        Assert.True(await agent.HandleAsync(Self(1)));
    }

    [Fact]
    public async Task TunnelsInBothDirectionsSendEachNodeOnceAndLastUntilBothAreRemoved()
    {
        var (one, other) = (Guid.NewGuid(), Guid.NewGuid());
        await using var left = await _coordinator.ConnectAsync(one, CoordinateeAuth.Server);
        await using var right = await _coordinator.ConnectAsync(other, CoordinateeAuth.Server);
        await left.HandleAsync(Self(1));
        await right.HandleAsync(Self(2));
        await left.HandleAsync(Add(other));
        await right.HandleAsync(Add(one));
        Assert.Equal("Node 2", await NextAsync(left));
        Assert.Equal("Node 1", await NextAsync(right));

        await left.HandleAsync(Remove(other));
        await right.HandleAsync(Self(3));
        Assert.Equal("Node 3", await NextAsync(left));
        await right.HandleAsync(Remove(one));
        Assert.Equal("Disconnected", await NextAsync(left));
        Assert.Equal("Disconnected", await NextAsync(right));
        Assert.True(HasNoTunnels(_coordinator));
    }

    [Fact]
    public async Task AGoodbyeIsADisconnectAndClosesTheResponses()
    {
        await using var agent = await AgentAsync();
        await using var client = await ClientAsync();
        await client.HandleAsync(Self(1));
        await client.HandleAsync(Add(AgentId));
        Assert.Equal("Node 1", await NextAsync(agent));

        Assert.False(await client.HandleAsync(new CoordinateRequest { Disconnect = new() }));
        Assert.Null(await client.ReadAsync().Soon());
        Assert.Equal("Disconnected", await NextAsync(agent));
        Assert.True(HasNoTunnels(_coordinator));
    }

    [Fact]
    public async Task AConnectionLostWithoutAGoodbyeIsLost()
    {
        await using var agent = await AgentAsync();
        await using var client = await ClientAsync();
        await agent.HandleAsync(Self(1));
        await client.HandleAsync(Add(AgentId));
        Assert.Equal("Node 1", await NextAsync(client));
        await agent.DisposeAsync();
        Assert.Equal("Lost", await NextAsync(client));

        // The client's tunnel is still there when the agent comes back.
        await using var again = await AgentAsync();
        await again.HandleAsync(Self(1));
        Assert.Equal("Node 1", await NextAsync(client));
    }

    [Fact]
    public async Task NobodyHearsOfTheEndOfAPeerTheyNeverHeardOf()
    {
        await using var agent = await AgentAsync();
        var client = await ClientAsync();
        await client.HandleAsync(Add(AgentId));
        await client.DisposeAsync();
        await using var next = await ClientAsync();
        await next.HandleAsync(Self(7));
        await next.HandleAsync(Add(AgentId));

        Assert.Equal("Node 7", await NextAsync(agent));
    }

    [Fact]
    public async Task AThousandUpdatesToASlowReaderAreOneLatestState()
    {
        await using var agent = await AgentAsync();
        await using var client = await ClientAsync();
        await client.HandleAsync(Add(AgentId));
        for (var i = 1; i <= 1000; i++)
        {
            Assert.True(await agent.HandleAsync(Self(i)));
        }

        Assert.Equal("Node 1000", await NextAsync(client));
        Assert.Equal("nothing", await NextOrNothingAsync(client));
    }

    [Fact]
    public async Task ANodeThatSaysTheSameAgainIsNoNews()
    {
        await using var agent = await AgentAsync();
        await using var client = await ClientAsync();
        await client.HandleAsync(Add(AgentId));
        await agent.HandleAsync(Said(asOf: null, "5-v4", "5-v6"));
        Assert.Equal("Node 1", await NextAsync(client));
        await agent.HandleAsync(Said(asOf: 5, "5-v4", "5-v6"));
        await agent.HandleAsync(Said(asOf: 500, "5-v6", "5-v4"));

        Assert.Equal("nothing", await NextOrNothingAsync(client));
        await agent.HandleAsync(Said(asOf: 500, "6-v4", "5-v4"));
        Assert.Equal("Node 1", await NextAsync(client));

        static CoordinateRequest Said(long? asOf, params string[] latencies)
        {
            var request = Self(1);
            request.UpdateSelf.Node.AsOf = asOf is { } seconds ? new Google.Protobuf.WellKnownTypes.Timestamp { Seconds = seconds } : null;
            request.UpdateSelf.Node.DerpLatency.Add(latencies.ToDictionary(static name => name, static _ => 0.5));
            return request;
        }
    }

    [Fact]
    public async Task WhoComesLaterHearsAllOfANodeThatOthersHaveHeard()
    {
        await using var agent = await AgentAsync();
        await using var first = await ClientAsync();
        await first.HandleAsync(Add(AgentId));
        var node = Self(1).UpdateSelf.Node;
        node.AsOf = new Google.Protobuf.WellKnownTypes.Timestamp { Seconds = 5 };
        node.Endpoints.Add("192.0.2.1:41641");
        node.DerpLatency.Add("5-v4", 0.25);
        node.DerpForcedWebsocket.Add(7, "blocked");
        await agent.HandleAsync(new CoordinateRequest { UpdateSelf = new() { Node = node.Clone() } });
        Assert.Equal("Node 1", await NextAsync(first));

        for (var i = 0; i < 2; i++)
        {
            await using var later = await ClientAsync();
            await later.HandleAsync(Add(AgentId));
            Assert.Equal(node, Assert.Single((await later.ReadAsync().Soon())!.PeerUpdates).Node);
        }
    }

    [Fact]
    public async Task AReturningPeerHearsOfAllItsTunnelsInBatches()
    {
        var id = Guid.NewGuid();
        await using var hub = await _coordinator.ConnectAsync(id, CoordinateeAuth.Server);
        for (var i = 1; i <= 1500; i++)
        {
            var other = await _coordinator.ConnectAsync(Guid.NewGuid(), CoordinateeAuth.Server);
            await other.HandleAsync(Self(i));
            await other.HandleAsync(Add(id));
        }

        await using var again = await _coordinator.ConnectAsync(id, CoordinateeAuth.Server);
        Assert.Equal(1024, (await again.ReadAsync().Soon())!.PeerUpdates.Count);
        Assert.Equal(476, (await again.ReadAsync().Soon())!.PeerUpdates.Count);
    }

    [Fact]
    public async Task LimitsEndThePeerThatPassesThem()
    {
        var coordinator = Create(new CoordinatorOptions { MaxTunnels = 2, MaxNode = 1000 });
        var peer = await coordinator.ConnectAsync(Guid.NewGuid(), CoordinateeAuth.Server);
        Assert.True(await peer.HandleAsync(Add(Guid.NewGuid())));
        Assert.True(await peer.HandleAsync(Add(Guid.NewGuid())));
        await AssertRefusedAsync(peer, Add(Guid.NewGuid()), "too many tunnels");
        var large = await coordinator.ConnectAsync(Guid.NewGuid(), CoordinateeAuth.Server);
        await AssertRefusedAsync(large, Self(1, new string('a', 1000)), "node is too large");
        var strange = await coordinator.ConnectAsync(Guid.NewGuid(), CoordinateeAuth.Server);
        await AssertRefusedAsync(
            strange, new CoordinateRequest { AddTunnel = new() { Id = Google.Protobuf.ByteString.CopyFrom(1, 2) } }, "invalid peer ID");
        Assert.Equal(0, PeerCount(coordinator));
    }

    private protected abstract ICoordinator Create(CoordinatorOptions options);

    private protected abstract int PeerCount(ICoordinator coordinator);

    private protected abstract bool HasNoTunnels(ICoordinator coordinator);

    private protected ValueTask<ICoordinatedPeer> AgentAsync() => _coordinator.ConnectAsync(AgentId, CoordinateeAuth.Agent(AgentId));

    private protected ValueTask<ICoordinatedPeer> ClientAsync() => _coordinator.ConnectAsync(ClientId, CoordinateeAuth.Client(AgentId));

    private protected static CoordinateRequest Self(int id, params string[] addresses)
    {
        var node = new Node { Id = id };
        node.Addresses.AddRange(addresses);
        return new CoordinateRequest { UpdateSelf = new() { Node = node } };
    }

    private protected static CoordinateRequest Add(Guid id) => new() { AddTunnel = new() { Id = PeerIds.Write(id) } };

    private static CoordinateRequest Remove(Guid id) => new() { RemoveTunnel = new() { Id = PeerIds.Write(id) } };

    private protected static CoordinateRequest Ready(Guid id) =>
        new() { ReadyForHandshake = { new CoordinateRequest.Types.ReadyForHandshake { Id = PeerIds.Write(id) } } };

    private static async Task AssertRefusedAsync(ICoordinatedPeer peer, CoordinateRequest request, string? error = null)
    {
        Assert.False(await peer.HandleAsync(request));
        var response = (await peer.ReadAsync().Soon())!;
        Assert.StartsWith(error ?? "authorization: ", response.Error, StringComparison.Ordinal);
        Assert.Null(await peer.ReadAsync().Soon());
    }

    private protected static async Task<string> NextAsync(ICoordinatedPeer peer)
    {
        var update = Assert.Single((await peer.ReadAsync().Soon())!.PeerUpdates);
        return update.Kind == Kind.Node ? $"Node {update.Node.Id}" : update.Kind.ToString();
    }

    /// <summary>What is there to read now: nothing, if a read waits.</summary>
    private static async Task<string> NextOrNothingAsync(ICoordinatedPeer peer)
    {
        using var now = new CancellationTokenSource();
        var reading = peer.ReadAsync(now.Token).AsTask();
        await now.CancelAsync();
        try
        {
            return (await reading.Soon())?.ToString() ?? "the end";
        }
        catch (OperationCanceledException)
        {
            return "nothing";
        }
    }
}
