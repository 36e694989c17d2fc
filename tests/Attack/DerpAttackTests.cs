using System.Security.Cryptography;
using Relay.Derp.Wire;

namespace Attack;

/// <summary>
/// Clients of the relay that mean harm: what they do ends them or costs a bounded amount, and another client is answered meanwhile.
/// The clock stands still, so that nothing but what is tested ends a connection.
/// </summary>
public sealed class DerpAttackTests : IAsyncDisposable
{
    // Of the ServerKey frame, as Latin-1.
    private const string Magic = "DERP\u00f0\u009f\u0094\u0091";

    // On a machine with other things to do; without them it is milliseconds.
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(10);

    private readonly ManualTimeProvider _clock = new();
    private TestNode? _node;
    private DerpPeer? _other;

    public async ValueTask DisposeAsync()
    {
        _other?.Dispose();
        if (_node is not null)
        {
            await _node.DisposeAsync();
        }
    }

    [Fact]
    public async Task HandshakesThatNeverEndAreEndedHoweverTheyDrip()
    {
        const int Count = 100;
        var edge = await StartAsync();
        var slow = new List<DerpPeer>();
        var ends = new List<Task>();
        for (var i = 0; i < Count; i++)
        {
            var peer = await DerpPeer.GreetedAsync(edge.PublicUrl);
            slow.Add(peer);
            ends.Add(peer.AssertClosedAsync());
        }

        for (var second = 0; second < 9; second++)
        {
            await Task.WhenAll(slow.Select(peer => peer.WriteAsync(peer.Sealed("{}"u8).AsMemory(second, 1))));
            _clock.Advance(TimeSpan.FromSeconds(1));
        }

        await AnsweredAsync();
        Assert.DoesNotContain(ends, static end => end.IsCompleted);
        _clock.Advance(TimeSpan.FromSeconds(3));

        await Task.WhenAll(ends);
        slow.ForEach(static peer => peer.Dispose());
        await edge.MetricIsAsync($"derp_connections_closed_total{{reason=\"handshake_timeout\"}} {Count}");
        await AnsweredAsync();
    }

    [Theory]
    [InlineData(160 << 10, 1 << 30)]
    [InlineData(1 << 20, 1 << 20)]
    public async Task ReceiversThatDoNotReadHoldNoMoreThanTheirBytes(int each, int total)
    {
        const int Count = 16;
        var edge = await StartAsync($"Relay:Derp:QueueBytes={each}", $"Relay:Derp:QueueBytesTotal={total}", "Relay:Derp:QueueDepth=65536");
        using var sender = await DerpPeer.JoinAsync(edge.PublicUrl);
        var receivers = new List<DerpPeer>();
        for (var i = 0; i < Count; i++)
        {
            receivers.Add(await DerpPeer.JoinAsync(edge.PublicUrl, receiveBuffer: 4096));
        }

        var before = GC.GetTotalMemory(forceFullCollection: true);
        var packet = new byte[16_384];
        for (var round = 0; round < 250; round++)
        {
            foreach (var receiver in receivers)
            {
                await sender.SendAsync(receiver.Key, packet);
            }

            if (round % 50 == 0)
            {
                await AnsweredAsync();
            }
        }

        await sender.AssertQuietAsync();
        var held = edge.Metric("derp_queue_bytes");
        Assert.InRange(held, 1, Math.Min((long)Count * each, total));
        Assert.True(edge.Metric("derp_packets_dropped{kind=\"other\",reason=\"queue_head\"}") > 0);
        Assert.InRange(
            GC.GetTotalMemory(forceFullCollection: true) - before,
            long.MinValue,
            (64L << 20) + Math.Min((long)Count * each, total));
        receivers.ForEach(static receiver => receiver.Dispose());
        await edge.MetricIsAsync("derp_current_connections 2");
        await edge.MetricIsAsync("derp_queue_bytes 0");
        await AnsweredAsync();
    }

    [Fact]
    public async Task AFloodOfConnectionsIsCutAtTheLimitOfItsAddress()
    {
        const int Limit = 20;
        var edge = await StartAsync($"Relay:Derp:MaxConnectionsPerAddress={Limit}");
        var flood = new List<RawClient>();
        for (var i = 0; i < 200; i++)
        {
            var client = await RawClient.ConnectAsync(edge.PublicUrl, "127.0.0.2");
            flood.Add(client);
            await client.SendAsync(DerpPeer.Upgrade);
            await client.ReceiveUntilAsync("\r\n\r\n");
            if (i % 50 == 0)
            {
                await AnsweredAsync();
            }
        }

        await edge.MetricIsAsync($"derp_connections_closed_total{{reason=\"too_many_connections\"}} {200 - Limit}");
        using var friend = await DerpPeer.JoinAsync(edge.PublicUrl);
        await AnsweredAsync();
        flood.ForEach(static client => client.Dispose());
        await Eventually.TrueAsync(
            async () =>
            {
                using var again = await RawClient.ConnectAsync(edge.PublicUrl, "127.0.0.2");
                await again.SendAsync(DerpPeer.Upgrade);
                return (await again.ReceiveUntilAsync(Magic)).Contains(Magic, StringComparison.Ordinal);
            },
            "the address may connect again");
    }

    [Fact]
    public async Task AFloodOfConnectionsIsCutAtTheLimitOfAllAndEndsNothingElse()
    {
        const int Limit = 12;
        const int Flood = 150;
        var edge = await StartAsync($"Relay:Derp:MaxConnections={Limit}");
        var inside = new List<DerpPeer>();
        while (inside.Count < Limit - 1)
        {
            inside.Add(await DerpPeer.JoinAsync(edge.PublicUrl));
        }

        for (var i = 0; i < Flood; i++)
        {
            using var client = await RawClient.ConnectAsync(edge.PublicUrl, $"127.0.0.{2 + (i % 50)}");
            await client.SendAsync(DerpPeer.Upgrade);
            Assert.DoesNotContain(Magic, await client.ReceiveAllAsync(), StringComparison.Ordinal);
        }

        await edge.MetricIsAsync($"derp_connections_closed_total{{reason=\"too_many_connections\"}} {Flood}");
        await edge.MetricIsAsync($"derp_current_connections {Limit}");
        foreach (var peer in inside)
        {
            await peer.AssertQuietAsync();
        }

        await AnsweredAsync();
        Assert.Equal("", await edge.Public.GetStringAsync("/derp/probe"));
        inside[0].Dispose();
        await Eventually.TrueAsync(
            async () =>
            {
                using var next = await RawClient.ConnectAsync(edge.PublicUrl, "127.0.0.2");
                await next.SendAsync(DerpPeer.Upgrade);
                return (await next.ReceiveUntilAsync(Magic)).Contains(Magic, StringComparison.Ordinal);
            },
            "the place of one who left is another's");
        inside.ForEach(static peer => peer.Dispose());
    }

    [Fact]
    public async Task ThoseWhoComeAndGoLeaveNothingBehind()
    {
        var edge = await StartAsync();
        for (var i = 0; i < 200; i++)
        {
            using var peer = await DerpPeer.JoinAsync(edge.PublicUrl);
            await peer.SendAsync(_other!.Key, [1]);
            Assert.Equal([1], await _other.ExpectAsync(peer.Key));
            peer.Dispose();
            await _other.ExpectPeerAsync(DerpFrameType.PeerGone, peer.Key, last: 0);
        }

        await edge.MetricIsAsync("derp_current_connections 1");
        await edge.MetricIsAsync("derp_clients_total 1");
        await edge.MetricIsAsync("derp_queue_bytes 0");
    }

    [Fact]
    public async Task PacketsToUnknownKeysAreAnsweredThreeTimesAndLeaveNothingBehind()
    {
        const int Count = 40_000;
        var edge = await StartAsync();
        using var peer = await DerpPeer.JoinAsync(edge.PublicUrl);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        for (var i = 0; i < Count / 100; i++)
        {
            byte[] frames = [.. Enumerable.Range(0, 100)
                .SelectMany(static _ => DerpPeer.Packet(new NodeKey(RandomNumberGenerator.GetBytes(32)), DerpPeer.Disco))];
            await peer.WriteAsync(frames);
            if (i % 100 == 0)
            {
                await AnsweredAsync();
            }
        }

        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(DerpFrameType.PeerGone, (await peer.NextAsync()).Type);
        }

        await peer.AssertQuietAsync();
        await edge.MetricIsAsync($"derp_packets_dropped{{kind=\"disco\",reason=\"unknown_dest\"}} {Count}");
        await edge.MetricIsAsync("derp_clients_total 2");
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, 64 << 20);
    }

    [Fact]
    public async Task ManyConnectionsOfAKeyThatFightForItDelayNobody()
    {
        const int Count = 150;
        var edge = await StartAsync();
        var key = NodePrivateKey.Generate();
        var peers = new List<DerpPeer>();
        for (var i = 0; i < Count; i++)
        {
            peers.Add(await DerpPeer.JoinAsync(edge.PublicUrl, key));
        }

        for (var round = 0; round < 5; round++)
        {
            await Task.WhenAll(peers.Select(static peer => peer.AssertQuietAsync()));
            await AnsweredAsync();
        }

        await edge.MetricIsAsync($"derp_current_dup_client_conns {Count}");
        peers.ForEach(static peer => peer.Dispose());
        await edge.MetricIsAsync("derp_current_dup_client_conns 0");
        await edge.MetricIsAsync("derp_current_connections 1");
    }

    [Fact]
    public async Task MoreConnectionsOfAKeyThanAllowedAreClosedAndThoseThatAreThereStay()
    {
        var edge = await StartAsync("Relay:Derp:MaxConnectionsPerKey=3");
        var key = NodePrivateKey.Generate();
        using var first = await DerpPeer.JoinAsync(edge.PublicUrl, key);
        using var second = await DerpPeer.JoinAsync(edge.PublicUrl, key);
        using var third = await DerpPeer.JoinAsync(edge.PublicUrl, key);
        for (var i = 0; i < 30; i++)
        {
            using var more = await DerpPeer.GreetedAsync(edge.PublicUrl, key);
            await more.WriteAsync(more.Sealed("{}"u8));
            await more.AssertClosedAsync();
        }

        await first.AssertQuietAsync();
        await second.AssertQuietAsync();
        await third.AssertQuietAsync();
        await edge.MetricIsAsync("derp_connections_closed_total{reason=\"too_many_connections\"} 30");
        await AnsweredAsync();
    }

    [Theory]
    [InlineData("1000000000")]
    [InlineData("1100000020")]
    [InlineData("0a00000040")]
    public async Task WhatNeedsTheMeshKeyEndsThoseWithoutItAndNobodyElse(string header)
    {
        const int Count = 50;
        var edge = await StartAsync();
        for (var i = 0; i < Count; i++)
        {
            using var peer = await DerpPeer.JoinAsync(edge.PublicUrl);
            await peer.WriteAsync(Convert.FromHexString(header));
            await peer.AssertClosedAsync();
        }

        await edge.MetricIsAsync($"derp_connections_closed_total{{reason=\"not_mesh_peer\"}} {Count}");
        await edge.MetricIsAsync("derp_watchers 0");
        await AnsweredAsync();
    }

    [Fact]
    public async Task LengthsThatCannotBeEndTheConnectionAtTheHeader()
    {
        string[] headers =
        [
            "040000001f", "0400010021", "047fffffff", "0480000000", "04ffffffff", "0700000000", "0700000002", "07ffffffff", "1200000007",
            "12000003e9", "12ffffffff", "7700010001", "7780000000", "77ffffffff", "00ffffffff", "01ffffffff", "02ffffffff", "ffffffffff",
        ];
        var edge = await StartAsync();
        foreach (var header in headers)
        {
            using var peer = await DerpPeer.JoinAsync(edge.PublicUrl);
            await peer.WriteAsync(Convert.FromHexString(header));
            await peer.AssertClosedAsync();
        }

        string[] first = ["0200000037", "0200040001", "0280000000", "02ffffffff", "0400000068", "0000000000", "ff00000000"];
        foreach (var header in first)
        {
            using var peer = await DerpPeer.GreetedAsync(edge.PublicUrl);
            await peer.WriteAsync(Convert.FromHexString(header));
            await peer.AssertClosedAsync();
        }

        await edge.MetricIsAsync($"derp_connections_closed_total{{reason=\"protocol_error\"}} {headers.Length}");
        await edge.MetricIsAsync($"derp_connections_closed_total{{reason=\"bad_handshake\"}} {first.Length}");
        await AnsweredAsync();
    }

    [Fact]
    public async Task AKeyThatIsNoneAndABoxThatDoesNotOpenAreSilentEnds()
    {
        var edge = await StartAsync();
        byte[][] infos =
        [
            DerpPeer.Frame(DerpFrameType.ClientInfo, new byte[104]),
            DerpPeer.Frame(DerpFrameType.ClientInfo, [1, .. new byte[103]]),
            DerpPeer.Frame(DerpFrameType.ClientInfo, RandomNumberGenerator.GetBytes(262_144)),
        ];
        foreach (var info in infos)
        {
            using var peer = await DerpPeer.GreetedAsync(edge.PublicUrl);
            await peer.WriteAsync(info);
            await peer.AssertClosedAsync();
        }

        await edge.MetricIsAsync("derp_connections_closed_total{reason=\"bad_handshake\"} 3");
        await AnsweredAsync();
    }

    private async Task<TestNode> StartAsync(params string[] settings)
    {
        _node = await TestNode.StartAsync(
            _clock, waitUntilReady: true, ["Edge:Mode=relay", "Relay:Stun:Enabled=false", "Edge:ShutdownTimeout=3s", .. settings]);
        _other = await DerpPeer.JoinAsync(_node.PublicUrl);
        return _node;
    }

    private Task AnsweredAsync() => _other!.AssertQuietAsync().WaitAsync(Bound);
}
