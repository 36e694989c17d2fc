using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;
using Tailnet.Coordination;
using Tailnet.Messages;
using Tailnet.Peer;
using Tailnet.WireGuard;
using NodeKey = Tailnet.Peer.NodeKey;

namespace Tailnet.Tests.Peer;

/// <summary>The coordination of a tailnet node, with the coordinator of the product.</summary>
public sealed class NodeTests : IAsyncDisposable
{
    private static readonly Guid Agent = Guid.NewGuid();

    private readonly ManualTimeProvider _time = new();
    private readonly InMemoryCoordinator _coordinator = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Relays _relays = new();
    private readonly WireGuardIdentity _identity = WireGuardIdentity.Generate();
    private readonly WireGuardIdentity _agentIdentity = WireGuardIdentity.Generate();
    private readonly TailnetNode _node;

    public NodeTests()
    {
        _node = new TailnetNode(_coordinator, _identity, _relays, new TailnetNodeOptions(), _time, NullLogger<TailnetNode>.Instance);
        _ = _node.RunAsync(_stop.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _node.Dispose();
        _agentIdentity.Dispose();
        await _coordinator.DisposeAsync();
        _stop.Dispose();
    }

    [Fact]
    public async Task TheFirstDialAsksForAHomeAndTheHomeIsAnnouncedToTheAgent()
    {
        var agent = await ConnectAgentAsync();
        _ = _node.DialAsync(Agent, 2, TimeSpan.FromSeconds(30), _stop.Token);
        Assert.Equal(1, _relays.HomesAsked);
        _node.SetHome(7);

        var node = await NodeOfAsync(agent);
        Assert.Equal(7, node.PreferredDerp);
        Assert.Equal([.. "np"u8, .. _identity.PublicKey], node.Key.ToByteArray());
        Assert.StartsWith("discokey:", node.Disco, StringComparison.Ordinal);
        Assert.StartsWith("fd7a:115c:a1e0:", Assert.Single(node.Addresses), StringComparison.Ordinal);
        Assert.Equal(node.Addresses, node.AllowedIps);
        Assert.Empty(node.Endpoints);
        Assert.True(node.Id > 0);

        _node.SetHome(8);
        Assert.Equal(8, (await NodeOfAsync(agent)).PreferredDerp);
    }

    [Fact]
    public async Task TheAgentsNodeStartsAHandshakeThroughItsHome()
    {
        var agent = await ConnectAgentAsync();
        _node.SetHome(7);
        _ = _node.DialAsync(Agent, 2, TimeSpan.FromSeconds(30), _stop.Token);
        Assert.True(await agent.HandleAsync(new CoordinateRequest { UpdateSelf = new() { Node = AgentNode(3) } }, _stop.Token));

        await Eventually.TrueAsync(() => _relays.Sent.Count > 0, "a handshake begins");
        var (destination, region) = _relays.Sent[0];
        Assert.Equal((NodeKey.Read(_agentIdentity.PublicKey), 3), (destination, region));
        Assert.Equal(3, _node.Find(Agent)!.HomeRegion);
    }

    [Fact]
    public async Task AnotherCoordinationGetsTheNodeAndAllTunnels()
    {
        _node.SetHome(7);
        _ = _node.DialAsync(Agent, 2, TimeSpan.FromSeconds(30), _stop.Token);
        var agent = await ConnectAgentAsync();
        var id = await IdOfNodeAsync(agent);

        // A second connection with the node's id ends its own.
        await (await _coordinator.ConnectAsync(id, CoordinateeAuth.Server, _stop.Token)).DisposeAsync();

        await _time.AdvanceUntilAsync(KindOfNextAsync(agent, id, CoordinateResponse.Types.PeerUpdate.Types.Kind.Node));
    }

    [Fact]
    public async Task AnErrorOfTheCoordinatorEndsTheCoordination()
    {
        using var identity = WireGuardIdentity.Generate();
        using var node = new TailnetNode(
            new FailingCoordinator(), identity, _relays, new TailnetNodeOptions(), _time, NullLogger<TailnetNode>.Instance);
        node.SetHome(7);

        await Assert.ThrowsAsync<TimeZoneNotFoundException>(() => node.RunAsync(_stop.Token).Soon());
    }

    [Theory]
    [InlineData("no key")]
    [InlineData("short key")]
    [InlineData("other prefix")]
    [InlineData("no home")]
    [InlineData("no address")]
    [InlineData("a network")]
    [InlineData("IPv4")]
    public async Task ANodeThatCannotBeUsedIsIgnored(string fault)
    {
        var agent = await ConnectAgentAsync();
        _node.SetHome(7);
        var dial = _node.DialAsync(Agent, 2, TimeSpan.FromSeconds(30), _stop.Token);
        var node = AgentNode(3);
        switch (fault)
        {
            case "no key": node.Key = ByteString.Empty; break;
            case "short key": node.Key = ByteString.CopyFrom(node.Key.Span[..33]); break;
            case "other prefix": node.Key = ByteString.CopyFrom([.. "xx"u8, .. node.Key.Span[2..]]); break;
            case "no home": node.PreferredDerp = 0; break;
            case "no address": node.Addresses.Clear(); break;
            case "a network": node.Addresses[0] = "fd7a:115c:a1e0::/64"; break;
            default: node.Addresses[0] = "10.0.0.1/32"; break;
        }

        // The agent's rules would refuse such addresses already.
        await agent.DisposeAsync();
        await using var peer = await _coordinator.ConnectAsync(Agent, CoordinateeAuth.Server, _stop.Token);
        Assert.True(await peer.HandleAsync(new CoordinateRequest { UpdateSelf = new() { Node = node } }, _stop.Token));
        await NodeOfAsync(peer);
        await _time.AdvanceUntilAsync(dial.ContinueWith(static _ => { }, TaskScheduler.Default));
        Assert.Equal(DialFailure.NoNode, (await Assert.ThrowsAsync<DialException>(() => dial)).Failure);
        Assert.Empty(_relays.Sent);
    }

    private static async Task<Node> NodeOfAsync(ICoordinatedPeer peer)
    {
        while (true)
        {
            var response = await peer.ReadAsync(TestContext.Current.CancellationToken);
            if (response!.PeerUpdates.Select(static update => update.Node).FirstOrDefault(static node => node is not null) is { } node)
            {
                return node;
            }
        }
    }

    private static async Task<Guid> IdOfNodeAsync(ICoordinatedPeer peer)
    {
        var response = await peer.ReadAsync(TestContext.Current.CancellationToken);
        Assert.True(PeerIds.TryRead(Assert.Single(response!.PeerUpdates).Id, out var id));
        return id;
    }

    private static async Task KindOfNextAsync(ICoordinatedPeer peer, Guid id, CoordinateResponse.Types.PeerUpdate.Types.Kind kind)
    {
        while (true)
        {
            var response = await peer.ReadAsync(TestContext.Current.CancellationToken);
            if (response!.PeerUpdates.Any(update => update.Kind == kind && update.Id.Span.SequenceEqual(PeerIds.Write(id).Span)))
            {
                return;
            }
        }
    }

    private async Task<ICoordinatedPeer> ConnectAgentAsync() =>
        await _coordinator.ConnectAsync(Agent, CoordinateeAuth.Agent(Agent), _stop.Token);

    private Node AgentNode(int home) => new()
    {
        Id = 1,
        Key = ByteString.CopyFrom([.. "np"u8, .. _agentIdentity.PublicKey]),
        PreferredDerp = home,
        Addresses = { CoordinateeAuth.AddressOf(Agent, [0xfd, 0x7a, 0x11, 0x5c, 0xa1, 0xe0]) + "/128" },
    };

    /// <summary>Its requests fail, and its responses never come.</summary>
    private sealed class FailingCoordinator : ICoordinator, ICoordinatedPeer
    {
        public Guid Id { get; } = Guid.NewGuid();

        public ValueTask<ICoordinatedPeer> ConnectAsync(Guid id, ICoordinateeAuth auth, CancellationToken cancellationToken) =>
            ValueTask.FromResult<ICoordinatedPeer>(this);

        public ValueTask<bool> HandleAsync(CoordinateRequest request, CancellationToken cancellationToken) =>
            throw new TimeZoneNotFoundException();

        public async ValueTask<CoordinateResponse?> ReadAsync(CancellationToken cancellationToken)
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
            return null;
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    private sealed class Relays : IRelayOutput
    {
        public List<(NodeKey Destination, int Region)> Sent { get; } = [];

        public int HomesAsked { get; private set; }

        public bool TrySend(in NodeKey destination, int region, ReadOnlySpan<byte> message)
        {
            Sent.Add((destination, region));
            return true;
        }

        public void ConnectHome() => HomesAsked++;

        public void Flush()
        {
        }
    }
}
