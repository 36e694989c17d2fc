using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Relay.Derp.Wire;

namespace EndToEnd.Derp;

/// <summary>Which way packets take in a mesh of three nodes (derp.md §4.3, §4.4), over real links.</summary>
public sealed class MeshRoutingTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public MeshRoutingTests() => File.WriteAllText(_directory.File("mesh.key"), RelayFixture.MeshKey);

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task AKeyOnTwoNodesIsReachedWhereItWasFirstWhileTheOtherComesAndGoes()
    {
        const int Packets = 500;
        await using var b = await StartAsync();
        await using var c = await StartAsync();
        await using var a = await StartAsync(b, c);
        var key = NodePrivateKey.Generate();
        using var sender = await DerpPeer.JoinAsync(a.PublicUrl);
        var first = await DerpPeer.JoinAsync(b.PublicUrl, key);
        await KeysAsync(a, 2, 1);
        using var gone = new CancellationTokenSource();
        var others = ComeAndGoAsync(c.PublicUrl, key, gone.Token);
        for (var i = 0; i < Packets; i++)
        {
            await sender.SendAsync(key.PublicKey, BitConverter.GetBytes(i));
            Assert.Equal(i, BitConverter.ToInt32(await first.ExpectAsync(sender.Key)));
        }

        await gone.CancelAsync();
        using var second = await others;
        await KeysAsync(a, 2, 2);
        first.Dispose();
        await KeysAsync(a, 1, 2);
        await sender.SendAsync(key.PublicKey, [7]);
        Assert.Equal([7], await second.ExpectAsync(sender.Key));
        second.Dispose();
        await KeysAsync(a, 1, 1);
        await sender.SendAsync(key.PublicKey, DerpPeer.Disco);
        await sender.ExpectPeerAsync(DerpFrameType.PeerGone, key.PublicKey, last: 1);

        // One multiforwarder is left: that of this node's own key, which both other nodes forward to.
        Assert.True(a.Metric("derp_multiforwarder_deleted") > 0);
        Assert.Equal(a.Metric("derp_multiforwarder_created"), a.Metric("derp_multiforwarder_deleted") + 1);
        Assert.Equal(Packets + 1, a.Metric("derp_packets_forwarded_out"));
    }

    [Fact]
    public async Task WhoIsHereIsReachedHereAndNothingIsForwardedTwice()
    {
        await using var b = await StartAsync();
        await using var a = await StartAsync(b);
        var key = NodePrivateKey.Generate();
        using var there = await DerpPeer.JoinAsync(b.PublicUrl, key);
        using var sender = await DerpPeer.JoinAsync(a.PublicUrl);
        await KeysAsync(a, 2);
        using (var here = await DerpPeer.JoinAsync(a.PublicUrl, key))
        {
            await sender.SendAsync(key.PublicKey, [1]);
            Assert.Equal([1], await here.ExpectAsync(sender.Key));
        }

        // Local is gone, but the key is not: no PeerGone, and the packets go on over the mesh.
        await a.MetricIsAsync("derp_clients_local 1");
        await sender.SendAsync(key.PublicKey, [2]);
        Assert.Equal([2], await there.ExpectAsync(sender.Key));
        await sender.AssertQuietAsync();
        Assert.Equal(1, b.Metric("derp_packets_forwarded_in"));
        Assert.Equal(0, b.Metric("derp_packets_forwarded_out"));
    }

    [Fact]
    public async Task AProberOfThePairGetsItsEightBytesThere()
    {
        await using var b = await StartAsync();
        await using var a = await StartAsync(b);
        var prober = new ClientInfo(2, null, true, true).ToJson();
        using var to = await DerpPeer.JoinAsync(b.PublicUrl, info: prober);
        using var from = await DerpPeer.JoinAsync(a.PublicUrl, info: prober);
        await KeysAsync(a, 2);

        await from.SendAsync(to.Key, [1, 2, 3, 4, 5, 6, 7, 8]);

        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8], await to.ExpectAsync(from.Key));
    }

    // Joins and leaves in turn, and stays connected in the end.
    private static async Task<DerpPeer> ComeAndGoAsync(Uri url, NodePrivateKey key, CancellationToken enough)
    {
        while (!enough.IsCancellationRequested)
        {
            using (await DerpPeer.JoinAsync(url, key))
            {
                await Task.Yield();
            }
        }

        return await DerpPeer.JoinAsync(url, key);
    }

    // Their own server and link, and the clients.
    private static async Task KeysAsync(TestNode node, params int[] keys)
    {
        node.Admin.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue(
            "Bearer", Bootstrapped.AdminToken(node.Node.Data.BootstrapFile));
        await Eventually.TrueAsync(
            async () => JsonNode.Parse(await node.Admin.GetStringAsync("/status"))!["mesh"]!.AsArray()
                .Select(static link => link!["keys"]!.GetValue<int>()).SequenceEqual(keys),
            $"the links know {string.Join(", ", keys)} keys");
    }

    private Task<TestNode> StartAsync(params TestNode[] peers) => TestNode.StartAsync(
    [
        "Edge:Mode=relay", "Relay:Stun:Enabled=false", "Edge:ShutdownTimeout=3s", $"Relay:Derp:MeshKeyFile={_directory.File("mesh.key")}",
        .. peers.Select(static (peer, i) => $"Relay:Derp:MeshWith:{i}={peer.PublicUrl.GetLeftPart(UriPartial.Authority)}"),
    ]);
}
