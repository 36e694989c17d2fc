using System.Text;
using Relay.Derp.Wire;

namespace EndToEnd.Derp;

/// <summary>
/// Upstream's tests of the server, with the same meaning, against the real listener (derp.md §8). The table of them is in
/// docs/wire/derp.md.
/// </summary>
public class ConformanceTests(RelayFixture relay) : IClassFixture<RelayFixture>
{
    private static readonly byte[] Home = DerpPeer.Frame(DerpFrameType.NotePreferred, 1);

    [Theory]
    [InlineData("upgrade")]
    [InlineData("fast start")]
    [InlineData("websocket")]
    [InlineData("websocket without subprotocol")]
    public async Task ThreeClientsGetWhatIsTheirsAndNothingElse(string way)
    {
        await relay.EmptyAsync();
        var a = await ConnectAsync(way);
        using var b = await ConnectAsync(way);
        using var c = await ConnectAsync(way);
        await a.SendAsync(b.Key, [1]);
        Assert.Equal([1], await b.ExpectAsync(a.Key));
        await b.SendAsync(c.Key, []);
        Assert.Empty(await c.ExpectAsync(b.Key));
        await a.AssertQuietAsync();
        await b.AssertQuietAsync();
        await c.AssertQuietAsync();

        var nobody = NodePrivateKey.Generate().PublicKey;
        await a.SendAsync(nobody, [1, 2, 3]);
        await a.AssertQuietAsync();
        for (var i = 0; i < 6; i++)
        {
            await a.SendAsync(nobody, DerpPeer.Disco);
        }

        for (var i = 0; i < 3; i++)
        {
            await a.ExpectPeerAsync(DerpFrameType.PeerGone, nobody, last: 1);
        }

        await a.AssertQuietAsync();
        await a.WriteAsync(Home);
        await c.WriteAsync(Home);
        await relay.Node.MetricIsAsync("derp_current_connections 3");
        await relay.Node.MetricIsAsync("derp_current_home_connections 2");
        await c.WriteAsync(DerpPeer.Frame(DerpFrameType.NotePreferred, 0));
        await relay.Node.MetricIsAsync("derp_current_home_connections 1");
        a.Dispose();
        await b.ExpectPeerAsync(DerpFrameType.PeerGone, a.Key, last: 0);
        await c.AssertQuietAsync(); // It never got anything from that one.
        await relay.Node.MetricIsAsync("derp_current_connections 2");
        await relay.Node.MetricIsAsync("derp_current_home_connections 0");
    }

    [Fact]
    public async Task APeerThatReturnsAndLeavesAgainIsReportedAgain()
    {
        await relay.EmptyAsync();
        using var b = await DerpPeer.JoinAsync(relay.Url);
        var key = NodePrivateKey.Generate();
        for (var time = 0; time < 3; time++)
        {
            using (var a = await DerpPeer.JoinAsync(relay.Url, key))
            {
                await a.SendAsync(b.Key, [1]);
                Assert.Equal([1], await b.ExpectAsync(a.Key));
            }

            await b.ExpectPeerAsync(DerpFrameType.PeerGone, key.PublicKey, last: 0);
        }
    }

    [Theory]
    [InlineData("{}", true)]
    [InlineData("{\"Version\":2,\"MeshKey\":\"0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef\"}", true)]
    [InlineData("{\"version\":2,\"meshKey\":\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\",\"new\":{}}", true)]
    [InlineData("{\"meshKey\":\"badf00d\"}", false)]
    [InlineData("{\"meshKey\":\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0\"}", false)]
    [InlineData("{\"meshKey\":\"\"}", false)]
    [InlineData("[]", false)]
    public async Task AClientInfoIsReadInEverySpellingOrEndsTheConnection(string json, bool good)
    {
        using var peer = await DerpPeer.GreetedAsync(relay.Url);

        await peer.WriteAsync(peer.Sealed(Encoding.UTF8.GetBytes(json)));

        Assert.Equal(good ? DerpFrameType.ServerInfo : DerpFrameType.None, (await peer.NextAsync()).Type);
    }

    [Theory]
    [InlineData(null, false)]
    [InlineData("1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", false)]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000", false)]
    [InlineData(RelayFixture.MeshKey, true)]
    public async Task OnlyTheMeshKeyMakesAMeshPeer(string? meshKey, bool isMeshPeer)
    {
        await relay.EmptyAsync();
        using var peer = await DerpPeer.JoinAsync(relay.Url, info: new ClientInfo(2, meshKey, false, false).ToJson());

        await peer.WriteAsync(DerpPeer.Frame(DerpFrameType.WatchConns));

        Assert.Equal(isMeshPeer ? DerpFrameType.PeerPresent : DerpFrameType.None, (await peer.NextAsync()).Type);
    }

    [Fact]
    public async Task WatchersSeeThemselvesEverybodyAndEveryChangeInPairs()
    {
        await relay.EmptyAsync();
        using var early = await DerpPeer.JoinAsync(relay.Url);
        using var watcher = await WatchAsync(null, early.Key);
        using var second = await WatchAsync(null, early.Key, watcher.Key);
        await watcher.ExpectPeerAsync(DerpFrameType.PeerPresent, second.Key, last: 2);
        var key = NodePrivateKey.Generate();
        var first = await DerpPeer.JoinAsync(relay.Url, key);
        var duplicate = await DerpPeer.JoinAsync(relay.Url, key);
        await BothAsync(DerpFrameType.PeerPresent, key.PublicKey, 1);
        first.Dispose();
        await relay.Node.MetricIsAsync("derp_current_connections 4");
        await watcher.AssertQuietAsync(); // The key is still there.
        await second.AssertQuietAsync();
        duplicate.Dispose();
        await BothAsync(DerpFrameType.PeerGone, key.PublicKey, 0);
        using var prober = await DerpPeer.JoinAsync(relay.Url, info: new ClientInfo(2, null, true, true).ToJson());
        await BothAsync(DerpFrameType.PeerPresent, prober.Key, 4);
        var elsewhere = DerpPeer.Upgrade.Replace("Host: x", "Host: x\r\nIdeal-Node: 1a", StringComparison.Ordinal);
        using var notIdeal = await DerpPeer.ConnectAsync(relay.Url, elsewhere);
        await BothAsync(DerpFrameType.PeerPresent, notIdeal.Key, 8);
        await relay.Node.MetricIsAsync("derp_watchers 2");

        async Task BothAsync(DerpFrameType type, NodeKey peer, int last)
        {
            await watcher.ExpectPeerAsync(type, peer, last);
            await second.ExpectPeerAsync(type, peer, last);
        }
    }

    [Fact]
    public async Task AWatcherIsToldWhereAPeerIs()
    {
        await relay.EmptyAsync();
        using var watcher = await WatchAsync(null);
        using var peer = await DerpPeer.JoinAsync(relay.Url);

        var (type, payload) = await watcher.NextAsync();

        Assert.Equal((DerpFrameType.PeerPresent, 51, 1), (type, payload.Length, payload[50]));
        Assert.Equal("00000000000000000000ffff7f000001", Convert.ToHexStringLower(payload.AsSpan(32, 16)));
        Assert.Equal(peer.LocalPort, (payload[48] << 8) | payload[49]);
    }

    [Fact]
    public async Task AWatcherThatIsCutOffAgainAndAgainSeesTheSameEachTime()
    {
        await relay.EmptyAsync();
        using var peer = await DerpPeer.JoinAsync(relay.Url);
        var key = NodePrivateKey.Generate();
        for (var i = 0; i < 10; i++)
        {
            using (await WatchAsync(key, peer.Key))
            {
                await relay.Node.MetricIsAsync("derp_watchers 1");
            }

            await relay.Node.MetricIsAsync("derp_current_connections 1");
        }
    }

    [Fact]
    public async Task PingsAreAnsweredWithTheirFirstEightBytes()
    {
        using var peer = await DerpPeer.JoinAsync(relay.Url);

        await peer.WriteAsync(DerpPeer.Frame(DerpFrameType.Ping, [8, 7, 6, 5, 4, 3, 2, 1, .. new byte[992]]));
        var (type, payload) = await peer.NextAsync();

        Assert.Equal((DerpFrameType.Pong, "0807060504030201"), (type, Convert.ToHexStringLower(payload)));
    }

    [Fact]
    public async Task FramesAreHandledWhereverTheyAreCut()
    {
        using var a = await DerpPeer.JoinAsync(relay.Url);
        using var b = await DerpPeer.JoinAsync(relay.Url);
        byte[] frames =
        [
            .. DerpPeer.Packet(b.Key, [1]), .. DerpPeer.Frame((DerpFrameType)0x77, 1, 2, 3), .. Home, .. DerpPeer.Packet(b.Key, [2]),
        ];
        for (var cut = 0; cut <= frames.Length; cut++)
        {
            await a.WriteAsync(frames.AsMemory(0, cut));
            await a.WriteAsync(frames.AsMemory(cut));
            Assert.Equal([1], await b.ExpectAsync(a.Key));
            Assert.Equal([2], await b.ExpectAsync(a.Key));
        }
    }

    [Fact]
    public async Task AHandshakeIsReadWhereverItIsCut()
    {
        for (var cut = 1; cut < 90; cut += 8)
        {
            using var peer = await DerpPeer.GreetedAsync(relay.Url);
            byte[] bytes = [.. peer.Sealed("{}"u8), .. Home, .. DerpPeer.Packet(peer.Key, [7])];

            await peer.WriteAsync(bytes.AsMemory(0, cut));
            await peer.WriteAsync(bytes.AsMemory(cut));

            Assert.Equal(DerpFrameType.ServerInfo, (await peer.NextAsync()).Type);
            Assert.Equal([7], await peer.ExpectAsync(peer.Key));
        }
    }

    [Fact]
    public async Task AMeshPeerForwardsToThoseWhoAreHereAndMayCloseThem()
    {
        await relay.EmptyAsync();
        using var mesh = await DerpPeer.JoinAsync(relay.Url, info: DerpPeer.MeshInfo(RelayFixture.MeshKey));
        using var here = await DerpPeer.JoinAsync(relay.Url);
        var elsewhere = NodePrivateKey.Generate().PublicKey;

        await mesh.WriteAsync(DerpPeer.Frame(DerpFrameType.ForwardPacket, [.. DerpPeer.Bytes(elsewhere), .. DerpPeer.Bytes(here.Key), 7]));
        Assert.Equal([7], await here.ExpectAsync(elsewhere));
        await mesh.WriteAsync(
            DerpPeer.Frame(DerpFrameType.ForwardPacket, [.. DerpPeer.Bytes(here.Key), .. DerpPeer.Bytes(elsewhere), .. DerpPeer.Disco]));
        await mesh.ExpectPeerAsync(DerpFrameType.PeerGone, elsewhere, last: 1);
        await mesh.WriteAsync(DerpPeer.Frame(DerpFrameType.ClosePeer, DerpPeer.Bytes(here.Key)));
        await here.AssertClosedAsync();
        await relay.Node.MetricIsAsync("derp_packets_dropped{kind=\"disco\",reason=\"unknown_dest_on_fwd\"} 1");
    }

    private async Task<DerpPeer> ConnectAsync(string way)
    {
        switch (way)
        {
            case "fast start":
                using (var other = await DerpPeer.GreetedAsync(relay.Url))
                {
                    return await DerpPeer.FastStartAsync(relay.Url, other.ServerKey);
                }

            case "websocket":
                return await DerpPeer.ConnectWebSocketAsync(relay.Url);
            case "upgrade":
                return await DerpPeer.JoinAsync(relay.Url);
            default:
                return await DerpPeer.ConnectAsync(
                    relay.Url, DerpPeer.Upgrade.Replace("Upgrade: DERP", "Upgrade: websocket", StringComparison.Ordinal));
        }
    }

    // Sees itself and the others, in any order.
    private async Task<DerpPeer> WatchAsync(NodePrivateKey? key, params NodeKey[] others)
    {
        var watcher = await DerpPeer.JoinAsync(relay.Url, key, DerpPeer.MeshInfo(RelayFixture.MeshKey));
        await watcher.WriteAsync(DerpPeer.Frame(DerpFrameType.WatchConns));
        var seen = new HashSet<NodeKey>();
        for (var i = 0; i <= others.Length; i++)
        {
            var (type, payload) = await watcher.NextAsync();
            Assert.Equal(DerpFrameType.PeerPresent, type);
            Assert.True(seen.Add(new NodeKey(payload)));
        }

        Assert.Equal([.. others, watcher.Key], seen);
        return watcher;
    }
}
