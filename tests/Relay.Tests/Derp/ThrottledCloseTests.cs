using Relay.Derp;
using Relay.Derp.Wire;
using Relay.Tests.Streams;

namespace Relay.Tests.Derp;

/// <summary>A client whose frames wait for its rate is closed at once: no clock moves here.</summary>
public class ThrottledCloseTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ARevokedKeyEndsTheWait(bool byTotalRate)
    {
        using var rig = new DerpRig();
        var throttled = await ThrottleAsync(rig, byTotalRate);

        Assert.Equal(1, rig.Server.CloseKey(throttled.Key));

        Assert.Equal(DerpCloseReason.Revoked, await throttled.Served.Soon());
    }

    [Fact]
    public async Task ClosePeerEndsTheWait()
    {
        using var rig = new DerpRig();
        var mesh = await rig.GreetAsync(meshKey: Vectors.MeshKey);
        var throttled = await ThrottleAsync(rig);

        await mesh.WriteAsync(DerpTestClient.Frame(DerpFrameType.ClosePeer, DerpTestClient.Bytes(throttled.Key)));

        Assert.Equal(DerpCloseReason.ClosedByPeer, await throttled.Served.Soon());
    }

    [Fact]
    public async Task TheDrainEndsTheWait()
    {
        using var rig = new DerpRig();
        var throttled = await ThrottleAsync(rig);

        await rig.Server.DrainAsync(TimeSpan.Zero, CancellationToken.None).Soon();

        Assert.Equal(DerpCloseReason.Drained, await throttled.Served.Soon());
    }

    [Fact]
    public async Task NothingIsSentToARevokedClientAnyMore()
    {
        using var rig = new DerpRig();
        var sender = await rig.GreetAsync();
        var throttled = await ThrottleAsync(rig);

        rig.Server.CloseKey(throttled.Key);
        await sender.SendAsync(throttled.Key, 1, 2, 3);
        await sender.WriteAsync(DerpTestClient.Frame(DerpFrameType.Ping, 1, 2, 3, 4, 5, 6, 7, 8));

        Assert.Equal(DerpFrameType.None, (await throttled.NextAsync()).Type);
    }

    private static async Task<DerpTestClient> ThrottleAsync(DerpRig rig, bool byTotalRate = false)
    {
        var client = await rig.GreetAsync();
        var limit = new DerpRateLimit(65568, 1);
        if (byTotalRate)
        {
            rig.Server.SetTotalRateLimit(limit);
        }
        else
        {
            rig.Server.RateLimit = limit;
        }

        var packet = new byte[65536];
        await client.SendAsync(client.Key, packet);
        await client.ExpectPacketAsync(client.Key, packet);
        var timers = rig.Clock.PendingTimers;
        _ = client.SendAsync(client.Key, packet);
        await Eventually.TrueAsync(() => rig.Clock.PendingTimers > timers, "the reader waits");
        return client;
    }
}
