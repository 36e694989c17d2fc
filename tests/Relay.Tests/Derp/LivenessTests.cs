using Relay.Derp;
using Relay.Derp.Wire;
using Relay.Tests.Streams;

namespace Relay.Tests.Derp;

public sealed class LivenessTests
{
    [Fact]
    public async Task KeepAlivesComeEvery60To65Seconds()
    {
        using var rig = new DerpRig();
        var a = await rig.GreetAsync();
        rig.Clock.Advance(TimeSpan.FromSeconds(59));
        await a.ExpectNothingAsync();

        rig.Clock.Advance(TimeSpan.FromSeconds(7));
        Assert.Equal(DerpFrameType.KeepAlive, (await a.NextAsync()).Type);
        rig.Clock.Advance(TimeSpan.FromSeconds(66));
        Assert.Equal(DerpFrameType.KeepAlive, (await a.NextAsync()).Type);
    }

    [Fact]
    public async Task ASilentClientThatAcknowledgesPingsIsPingedAndClosedWithoutAnswer()
    {
        using var rig = new DerpRig();
        var (dead, alive) = (await rig.Connect().GreetAsync(acks: true), await rig.Connect().GreetAsync(acks: true));
        for (var i = 0; i < 2; i++)
        {
            // The second ping comes 60 s after the first was answered, and has to be answered before 15 s more.
            for (var second = 0; second < (i == 0 ? 62 : 50); second++)
            {
                rig.Clock.Advance(TimeSpan.FromSeconds(1));
            }

            var (type, payload) = await alive.NextAsync();
            while (type != DerpFrameType.Ping)
            {
                (type, payload) = await alive.NextAsync();
            }

            await alive.WriteAsync(DerpTestClient.Frame(DerpFrameType.Pong, payload));
            await Eventually.TrueAsync(() => rig.Server.Registry.Find(alive.Key)!.Active!.Activity.Reads > i, "the pong was read");
            rig.Clock.Advance(TimeSpan.FromSeconds(16));
        }

        Assert.Equal(DerpCloseReason.PingTimeout, await dead.Served.Soon());
        Assert.False(alive.Served.IsCompleted);
    }

    [Fact]
    public async Task AClientThatTakesNoBytesIsClosedAfterTheWriteTimeout()
    {
        using var rig = new DerpRig();
        var (a, stuck) = (await rig.GreetAsync(), await rig.GreetAsync(pause: 1000));
        for (var i = 0; i < 200; i++)
        {
            await a.SendAsync(stuck.Key, new byte[1000]); // More than the output takes in one go.
        }

        await a.ExpectNothingAsync();
        rig.Clock.Advance(TimeSpan.FromSeconds(2));
        Assert.False(stuck.Served.IsCompleted);
        rig.Clock.Advance(TimeSpan.FromSeconds(2));

        Assert.Equal(DerpCloseReason.WriteTimeout, await stuck.Served.Soon());
        Assert.Equal(1, rig.Server.Totals[DerpCount.WriteTimeouts]);
        Assert.Equal(0, rig.Server.Pool.Rented);
        Assert.True(rig.Server.Totals.Drops(DropReason.GoneDisconnected, PacketKind.Other).Packets > 0);
    }

    [Fact]
    public async Task AClientThatIsAlwaysFullButReadsIsNotClosed()
    {
        using var rig = new DerpRig();
        var (a, slow) = (await rig.GreetAsync(), await rig.GreetAsync(pause: 1000));
        for (var second = 0; second < 10; second++)
        {
            for (var i = 0; i < 200; i++)
            {
                await a.SendAsync(slow.Key, new byte[1000]);
            }

            await a.ExpectNothingAsync();
            rig.Clock.Advance(TimeSpan.FromSeconds(1));
            for (var i = 0; i < 100; i++)
            {
                Assert.Equal(DerpFrameType.RecvPacket, (await slow.NextAsync()).Type);
            }
        }

        await a.ExpectNothingAsync();
        Assert.Equal(0, rig.Server.Totals[DerpCount.WriteTimeouts]);
        Assert.False(slow.Served.IsCompleted);
    }

    [Fact]
    public async Task ASenderAboveItsRateIsNotReadUntilItsTimeComes()
    {
        using var rig = new DerpRig();
        var (a, mesh) = (await rig.GreetAsync(), await rig.GreetAsync(meshKey: Vectors.MeshKey));
        rig.Server.RateLimit = new DerpRateLimit(65568, 1);
        var packet = new byte[65536];
        await a.SendAsync(a.Key, packet);
        await a.ExpectPacketAsync(a.Key, packet);
        var timers = rig.Clock.PendingTimers;

        var sending = a.SendAsync(a.Key, packet); // Not read, so it may not end either.
        await Eventually.TrueAsync(() => rig.Clock.PendingTimers > timers, "the reader waits");
        Assert.Equal(1, rig.Server.Totals[DerpCount.RateLimitWaits]);
        await mesh.SendAsync(mesh.Key, packet);
        await mesh.ExpectPacketAsync(mesh.Key, packet);
        await mesh.SendAsync(mesh.Key, packet);
        await mesh.ExpectPacketAsync(mesh.Key, packet);
        rig.Clock.Advance(TimeSpan.FromSeconds(1.1));
        await a.ExpectPacketAsync(a.Key, packet);
        await sending.Soon();

        rig.Server.RateLimit = DerpRateLimit.None;
        for (var i = 0; i < 3; i++)
        {
            await a.SendAsync(a.Key, packet);
            await a.ExpectPacketAsync(a.Key, packet);
        }
    }

    [Fact]
    public async Task AWaitThatIsNoWholeMillisecondIsOneWait()
    {
        using var rig = new DerpRig();
        var a = await rig.GreetAsync();
        rig.Server.RateLimit = new DerpRateLimit(65537, 1);
        var packet = new byte[65536];
        await a.SendAsync(a.Key, packet);
        await a.ExpectPacketAsync(a.Key, packet);
        var timers = rig.Clock.PendingTimers;
        var sending = a.SendAsync(a.Key, packet);
        await Eventually.TrueAsync(() => rig.Clock.PendingTimers > timers, "the reader waits");

        // 1000.47 ms are due.
        await Task.Run(() => rig.Clock.Advance(TimeSpan.FromMilliseconds(1000))).Soon();
        await Task.Run(() => rig.Clock.Advance(TimeSpan.FromMilliseconds(1))).Soon();
        await a.ExpectPacketAsync(a.Key, packet);

        await sending.Soon();
        Assert.Equal(1, rig.Server.Totals[DerpCount.RateLimitWaits]);
    }

    [Fact]
    public async Task TheTotalRateHoldsForAllTogether()
    {
        using var rig = new DerpRig();
        var (a, b) = (await rig.GreetAsync(), await rig.GreetAsync());
        rig.Server.SetTotalRateLimit(new DerpRateLimit(65568, 1));
        var packet = new byte[65536];
        await a.SendAsync(a.Key, packet);
        await a.ExpectPacketAsync(a.Key, packet);
        var timers = rig.Clock.PendingTimers;

        var sending = b.SendAsync(b.Key, packet);
        await Eventually.TrueAsync(() => rig.Clock.PendingTimers > timers, "the reader waits");
        rig.Clock.Advance(TimeSpan.FromSeconds(1.1));

        await b.ExpectPacketAsync(b.Key, packet);
        await sending.Soon();
    }

    [Fact]
    public async Task ADrainTellsEverybodyAndClosesThemEvenly()
    {
        using var rig = new DerpRig();
        var member = await rig.GreetAsync(meshKey: Vectors.MeshKey);
        var clients = new List<DerpTestClient>();
        for (var i = 0; i < 5; i++)
        {
            clients.Add(await rig.GreetAsync());
        }

        rig.Server.SendRestarting(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2));
        foreach (var client in clients)
        {
            Assert.Equal(DerpFrameType.Restarting, (await client.NextAsync()).Type);
        }

        var drain = rig.Server.DrainAsync(TimeSpan.FromSeconds(50), CancellationToken.None);
        for (var closed = 1; closed <= 5; closed++)
        {
            var expected = closed;
            await Eventually.TrueAsync(() => clients.Count(static client => client.Served.IsCompleted) == expected, "one more is closed");
            await Eventually.TrueAsync(() => rig.Clock.PendingTimers > 1 || expected == 5, "the drain waits");
            rig.Clock.Advance(TimeSpan.FromSeconds(10));
        }

        await drain.Soon();
        foreach (var client in clients)
        {
            Assert.Equal(DerpCloseReason.Drained, await client.Served);
        }

        Assert.Equal(DerpCloseReason.Drained, await member.Served.Soon());
    }

    [Fact]
    public async Task ADrainWithoutAMemberOfAMeshClosesAllAtOnceAndWhoeverComesLater()
    {
        using var rig = new DerpRig();
        var prober = await rig.Connect().GreetAsync(Vectors.MeshKey, prober: true);
        var clients = new List<DerpTestClient> { prober };
        for (var i = 0; i < 50; i++)
        {
            clients.Add(await rig.GreetAsync());
        }

        Assert.False(rig.Server.HasMeshMember);
        await rig.Server.DrainAsync(TimeSpan.FromHours(1), CancellationToken.None).Soon();
        clients.Add(await rig.GreetAsync());

        foreach (var client in clients)
        {
            Assert.Equal(DerpCloseReason.Drained, await client.Served.Soon());
        }
    }

    [Fact]
    public async Task ADrainClosesTheRestAtOnceWhenTheLastMemberOfTheMeshGoes()
    {
        using var rig = new DerpRig();
        var member = await rig.GreetAsync(meshKey: Vectors.MeshKey);
        var clients = new[] { await rig.GreetAsync(), await rig.GreetAsync(), await rig.GreetAsync() };
        var drain = rig.Server.DrainAsync(TimeSpan.FromHours(1), CancellationToken.None);
        await Eventually.TrueAsync(() => rig.Clock.PendingTimers > 1, "the drain waits");
        await Task.WhenAny(clients.Select(static client => client.Served)).Soon();
        Assert.Equal(1, clients.Count(static client => client.Served.IsCompleted));

        await member.LeaveAsync();

        await rig.Clock.AdvanceUntilAsync(drain).Soon();
        Assert.True(rig.Clock.GetUtcNow() - new ManualTimeProvider().GetUtcNow() < TimeSpan.FromMinutes(10));
    }

    [Fact]
    public async Task ADrainWaitsForNobodyWhoHasLeft()
    {
        using var rig = new DerpRig();
        await rig.GreetAsync(meshKey: Vectors.MeshKey);
        var clients = new[] { await rig.GreetAsync(), await rig.GreetAsync(), await rig.GreetAsync() };
        var drain = rig.Server.DrainAsync(TimeSpan.FromHours(1), CancellationToken.None);
        await Eventually.TrueAsync(() => rig.Clock.PendingTimers > 1, "the drain waits");

        foreach (var client in clients)
        {
            await client.LeaveAsync();
        }

        await rig.Clock.AdvanceUntilAsync(drain).Soon();
        Assert.True(rig.Clock.GetUtcNow() - new ManualTimeProvider().GetUtcNow() < TimeSpan.FromMinutes(10));
    }

    [Fact]
    public async Task ARevokedKeyIsClosedAtOnce()
    {
        using var rig = new DerpRig();
        var a = await rig.GreetAsync();

        Assert.Equal(1, rig.Server.CloseKey(a.Key));

        Assert.Equal(DerpCloseReason.Revoked, await a.Served.Soon());
    }
}
