using Relay.Derp.Wire;

namespace EndToEnd.Derp;

/// <summary>
/// Upstream's cases of several connections with one key (derp.md §3.3). The policy is that of the last writer, the only one here.
/// </summary>
public class DuplicateKeyTests(RelayFixture relay) : IClassFixture<RelayFixture>
{
    private readonly NodePrivateKey _key = NodePrivateKey.Generate();

    [Fact]
    public async Task OneComesAndGoes()
    {
        await relay.EmptyAsync();
        using (await JoinAsync())
        {
            await GaugesAsync(connections: 1, keys: 0, duplicates: 0);
        }

        await GaugesAsync(connections: 0, keys: 0, duplicates: 0);
    }

    [Fact]
    public async Task TheNewerReplacesTheOlderAndHasItsPacketsAtOnce()
    {
        await relay.EmptyAsync();
        using var sender = await DerpPeer.JoinAsync(relay.Url);
        var older = await JoinAsync();
        using var newer = await JoinAsync();
        await GaugesAsync(connections: 3, keys: 1, duplicates: 2);
        await sender.SendAsync(newer.Key, [1]);
        Assert.Equal([1], await newer.ExpectAsync(sender.Key));
        older.Dispose();
        await GaugesAsync(connections: 2, keys: 0, duplicates: 0);
        await sender.SendAsync(newer.Key, [2]);
        Assert.Equal([2], await newer.ExpectAsync(sender.Key));
        await sender.AssertQuietAsync();
    }

    [Fact]
    public async Task TheNewerLeavesAndTheOlderIsTheOneAgain()
    {
        await relay.EmptyAsync();
        using var sender = await DerpPeer.JoinAsync(relay.Url);
        using var older = await JoinAsync();
        (await JoinAsync()).Dispose();
        await GaugesAsync(connections: 2, keys: 0, duplicates: 0);

        await sender.SendAsync(older.Key, [1]);

        Assert.Equal([1], await older.ExpectAsync(sender.Key));
    }

    [Fact]
    public async Task TwoThatSpeakInTurnsAreNeverDisabled()
    {
        await relay.EmptyAsync();
        using var sender = await DerpPeer.JoinAsync(relay.Url);
        using var one = await JoinAsync();
        using var two = await JoinAsync();
        for (byte i = 0; i < 10; i++)
        {
            var speaker = i % 2 == 0 ? one : two;
            await speaker.AssertQuietAsync(); // Speaks.
            await sender.SendAsync(one.Key, [i]);
            Assert.Equal([i], await speaker.ExpectAsync(sender.Key));
            await GaugesAsync(connections: 3, keys: 1, duplicates: 2);
        }

        await sender.AssertQuietAsync();
    }

    [Fact]
    public async Task OfThreeTheLastToSpeakHasThePacketsAndAfterItTheOneBefore()
    {
        await relay.EmptyAsync();
        using var sender = await DerpPeer.JoinAsync(relay.Url);
        var one = await JoinAsync();
        using var two = await JoinAsync();
        var three = await JoinAsync();
        await GaugesAsync(connections: 4, keys: 1, duplicates: 3);
        await ReachedAsync(three, 1);
        await one.WriteAsync(DerpPeer.Frame((DerpFrameType)0x77)); // Any frame counts, and also one that is not known.
        await one.AssertQuietAsync();
        await ReachedAsync(one, 2);
        one.Dispose();
        await GaugesAsync(connections: 3, keys: 1, duplicates: 2);
        await ReachedAsync(three, 3);
        three.Dispose();
        await GaugesAsync(connections: 2, keys: 0, duplicates: 0);
        await ReachedAsync(two, 4);
        await sender.AssertQuietAsync(); // No PeerGone while one was left.

        async Task ReachedAsync(DerpPeer peer, byte number)
        {
            await sender.SendAsync(peer.Key, [number]);
            Assert.Equal([number], await peer.ExpectAsync(sender.Key));
        }
    }

    [Fact]
    public async Task TheSilentOnesGetTheirOwnPongsAndKeepAlivesOnly()
    {
        await relay.EmptyAsync();
        using var sender = await DerpPeer.JoinAsync(relay.Url);
        using var older = await JoinAsync();
        using var newer = await JoinAsync();

        await sender.SendAsync(older.Key, [1]);
        Assert.Equal([1], await newer.ExpectAsync(sender.Key));
        relay.Clock.Advance(TimeSpan.FromSeconds(67));

        HashSet<DerpFrameType> seen = [(await older.NextAsync()).Type, (await older.NextAsync()).Type];
        Assert.Equal([DerpFrameType.Ping, DerpFrameType.KeepAlive], seen.OrderDescending());
    }

    [Fact]
    public async Task ADeadDuplicateSwallowsPacketsNoLongerThanItMayBeSilent()
    {
        await relay.EmptyAsync();
        var cannotAnswer = new ClientInfo(2, null, false, false).ToJson();
        using var sender = await DerpPeer.JoinAsync(relay.Url, info: cannotAnswer);
        using var alive = await DerpPeer.JoinAsync(relay.Url, _key, cannotAnswer);
        using var dead = await JoinAsync();
        await sender.SendAsync(dead.Key, [1]);
        await sender.AssertQuietAsync(); // It has gone to the newest, which will not say a word any more.

        // Pinged after 60 s and closed after 15 more, or up to 1 s later, when the heartbeat had a frame to notice first.
        relay.Clock.Advance(TimeSpan.FromSeconds(73));
        await GaugesAsync(connections: 3, keys: 1, duplicates: 2);
        relay.Clock.Advance(TimeSpan.FromSeconds(4));
        await GaugesAsync(connections: 2, keys: 0, duplicates: 0);

        await sender.SendAsync(alive.Key, [2]);
        var frame = await alive.NextAsync();
        while (frame.Type is DerpFrameType.KeepAlive)
        {
            frame = await alive.NextAsync();
        }

        Assert.Equal((DerpFrameType.RecvPacket, 2), (frame.Type, frame.Payload[^1]));
    }

    private Task<DerpPeer> JoinAsync() => DerpPeer.JoinAsync(relay.Url, _key);

    private async Task GaugesAsync(int connections, int keys, int duplicates)
    {
        await relay.Node.MetricIsAsync($"derp_current_connections {connections}");
        await relay.Node.MetricIsAsync($"derp_current_dup_client_keys {keys}");
        await relay.Node.MetricIsAsync($"derp_current_dup_client_conns {duplicates}");
    }
}
