using Relay.Derp;
using Relay.Derp.Wire;

namespace Relay.Tests.Derp;

/// <summary>What the instruments say after things have happened that they count.</summary>
public sealed class DerpMetricsTests
{
    [Fact]
    public async Task PacketsAndBytesAreCountedOnceWhetherTheirConnectionIsOpenOrNot()
    {
        using var rig = new DerpRig();
        using var metrics = new ReadMetrics(meters => new DerpMetrics(meters, rig.Server));
        var (a, b) = (await rig.GreetAsync(), await rig.GreetAsync());
        byte[] disco = [0x54, 0x53, 0xf0, 0x9f, 0x92, 0xac, .. new byte[100]];
        await a.SendAsync(b.Key, 1, 2, 3);
        await b.ExpectPacketAsync(a.Key, 1, 2, 3);
        await a.SendAsync(b.Key, disco);
        await b.ExpectPacketAsync(a.Key, disco);
        for (var i = 0; i < 2; i++)
        {
            Assert.Equal((2, 2, 109, 109), (
                metrics["derp_packets_received"], metrics["derp_packets_sent"], metrics["derp_bytes_received"],
                metrics["derp_bytes_sent"]));
            Assert.Equal((1, 1), (metrics["derp_packets_received_kind kind=disco"], metrics["derp_packets_received_kind kind=other"]));
            Assert.Equal(
                (2, 2 - (2 * i), 2 - (2 * i)),
                (metrics["derp_accepts"], metrics["derp_current_connections"], metrics["derp_clients_local"]));
            await a.LeaveAsync();
            await b.LeaveAsync();
        }

        Assert.Equal(2, metrics["derp_connections_closed_total reason=client_closed"]);
    }

    [Fact]
    public async Task WhatClientsSayIsCounted()
    {
        using var rig = new DerpRig();
        using var metrics = new ReadMetrics(meters => new DerpMetrics(meters, rig.Server));
        var (a, watcher) = (await rig.GreetAsync(), await rig.GreetAsync(meshKey: Vectors.MeshKey));
        await watcher.WriteAsync(DerpTestClient.Frame(DerpFrameType.WatchConns));
        await a.WriteAsync(DerpTestClient.Frame(DerpFrameType.NotePreferred, 1));
        await a.WriteAsync(DerpTestClient.Frame((DerpFrameType)0x7e, 1, 2));
        await a.SendAsync(NodePrivateKey.Generate().PublicKey, 1, 2);
        await a.ExpectNothingAsync();
        await Eventually.TrueAsync(() => metrics["derp_watchers"] == 1, "the watcher watches");

        Assert.Equal((1, 1, 1), (metrics["derp_current_home_connections"], metrics["derp_got_ping"], metrics["derp_sent_pong"]));
        Assert.Equal((1, 0), (metrics["derp_unknown_frames"], metrics["derp_home_moves_in"]));
        Assert.Equal(
            (1, 2),
            (metrics["derp_packets_dropped kind=other reason=unknown_dest"], metrics["derp_bytes_dropped kind=other reason=unknown_dest"]));
        Assert.Equal(0, metrics["derp_packets_dropped kind=disco reason=unknown_dest"]);
        rig.Clock.Advance(TimeSpan.FromSeconds(6));
        await a.WriteAsync(DerpTestClient.Frame(DerpFrameType.NotePreferred, 0));
        await a.ExpectNothingAsync();
        Assert.Equal((0, 1), (metrics["derp_current_home_connections"], metrics["derp_home_moves_out"]));
    }

    [Fact]
    public async Task DuplicatesRatesAndPeersThatAreGoneAreCounted()
    {
        using var rig = new DerpRig();
        using var metrics = new ReadMetrics(meters => new DerpMetrics(meters, rig.Server));
        var key = NodePrivateKey.Generate();
        var (one, two, other) = (await rig.GreetAsync(key), await rig.GreetAsync(key), await rig.GreetAsync());
        Assert.Equal(
            (1, 2, 2),
            (metrics["derp_current_dup_client_keys"], metrics["derp_current_dup_client_conns"], metrics["derp_total_dup_client_conns"]));
        rig.Server.RateLimit = new DerpRateLimit(1000, 5);
        Assert.Equal(
            (1000, 65_568),
            (metrics["derp_rate_limit_per_client_bytes_per_second"], metrics["derp_rate_limit_per_client_burst_bytes"]));
        rig.Server.RateLimit = DerpRateLimit.None;
        Assert.Equal((0, 0), (metrics["derp_rate_limit_per_client_bytes_per_second"], metrics["derp_rate_limit_per_client_burst_bytes"]));

        await one.LeaveAsync();
        Assert.Equal(
            (0, 0, 2),
            (metrics["derp_current_dup_client_keys"], metrics["derp_current_dup_client_conns"], metrics["derp_total_dup_client_conns"]));
        await two.SendAsync(other.Key, 1);
        await other.ExpectPacketAsync(key.PublicKey, 1);
        await two.LeaveAsync();
        await other.ExpectPeerGoneAsync(key.PublicKey, PeerGoneReason.Disconnected);
        Assert.Equal(1, metrics["derp_peer_gone_disconnected_frames"]);
    }

    [Fact]
    public async Task AnOperatorsViewOfAClientHasItsAgeItsQueueAndItsLosses()
    {
        using var rig = new DerpRig(static options => options.QueueDepth = 10);
        var (a, stuck) = (await rig.GreetAsync(), await rig.GreetAsync(pause: 1000));
        rig.Clock.Advance(TimeSpan.FromSeconds(0.5));
        for (var i = 0; i < 200; i++)
        {
            await a.SendAsync(stuck.Key, new byte[1000]);
        }

        await a.ExpectNothingAsync();
        var view = rig.Server.Clients().Single(client => client.Key == stuck.Key);

        Assert.Equal((TimeSpan.FromSeconds(0.5), 10, PeerFlags.Regular), (view.Age, view.QueuePackets, view.Flags));
        Assert.Equal(200, view.PacketsSent + view.QueuePackets + view.Dropped);
        Assert.True(view.Dropped > 0 && view.QueueBytes >= 10_000, view.ToString());
        Assert.Equal(200_000, rig.Server.Clients().Single(client => client.Key == a.Key).BytesReceived);
        Assert.Equal(rig.Server.Totals.Drops(DropReason.QueueHead, PacketKind.Other).Packets, view.Dropped);
    }
}
