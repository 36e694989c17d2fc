using System.Text;
using Relay.Derp;
using Relay.Derp.Wire;
using Relay.Tests.Streams;

namespace Relay.Tests.Derp;

public sealed class HandshakeTests
{
    [Fact]
    public async Task ASilentClientIsClosedAfterTenSeconds()
    {
        using var rig = new DerpRig();
        var a = rig.Connect();

        rig.Clock.Advance(TimeSpan.FromSeconds(9));
        Assert.False(a.Served.IsCompleted);
        rig.Clock.Advance(TimeSpan.FromSeconds(2));

        Assert.Equal(DerpCloseReason.HandshakeTimeout, await a.Served.Soon());
    }

    [Theory]
    [InlineData("0200000037")]
    [InlineData("0200040001")]
    [InlineData("0400000068")]
    [InlineData("0000000000")]
    [InlineData("02ffffffff")]
    public async Task AFirstFrameOfWrongTypeOrLengthCloses(string header)
    {
        using var rig = new DerpRig();
        var a = rig.Connect();

        await a.WriteAsync(Vectors.Bytes(header));

        Assert.Equal(DerpCloseReason.BadHandshake, await a.Served.Soon());
    }

    [Theory]
    [InlineData("{\"meshKey\":\"badf00d\"}")]
    [InlineData("{\"meshKey\":\"\"}")]
    [InlineData("[]")]
    public async Task AnInfoThatIsNoneCloses(string json)
    {
        using var rig = new DerpRig();
        var key = NodePrivateKey.Generate();
        var a = rig.Connect(key);

        await a.WriteAsync(DerpHandshake.ClientInfo(
            key.PublicKey, key.BoxWith(rig.Server.PublicKey), Encoding.UTF8.GetBytes(json)));

        Assert.Equal(DerpCloseReason.BadHandshake, await a.Served.Soon());
    }

    [Fact]
    public async Task TheZeroKeyIsRefused()
    {
        using var rig = new DerpRig();
        var a = rig.Connect();

        await a.WriteAsync(DerpTestClient.Frame(DerpFrameType.ClientInfo, new byte[104]));

        Assert.Equal(DerpCloseReason.BadHandshake, await a.Served.Soon());
    }

    [Fact]
    public async Task AWrongMeshKeyIsNoMeshPeerAndATextKeyMatchesExactly()
    {
        using var rig = new DerpRig();
        var other = await rig.GreetAsync(meshKey: Vectors.MeshKey.Replace('0', '1'));
        await other.WriteAsync(DerpTestClient.Frame(DerpFrameType.WatchConns));
        Assert.Equal(DerpCloseReason.NotMeshPeer, await other.Served.Soon());

        Assert.True(MeshKey.TryParse("a secret of another form", out var text));
        rig.Server.MeshKey = text;
        var peer = await rig.GreetAsync(meshKey: "a secret of another form");
        await peer.WriteAsync(DerpTestClient.Frame(DerpFrameType.WatchConns));
        Assert.Equal(DerpFrameType.PeerPresent, (await peer.NextAsync()).Type);
    }

    [Fact]
    public async Task WhatFollowsTheInfoAtOnceIsHandled()
    {
        using var rig = new DerpRig();
        var key = NodePrivateKey.Generate();
        var a = rig.Connect(key);
        byte[] all =
        [
            .. DerpHandshake.ClientInfo(key.PublicKey, key.BoxWith(rig.Server.PublicKey), "{\"version\":2}"u8),
            .. DerpTestClient.Frame(DerpFrameType.NotePreferred, 1), .. DerpTestClient.Packet(key.PublicKey, [5]),
        ];

        await a.WriteAsync(all);

        Assert.Equal(DerpFrameType.ServerKey, (await a.NextAsync()).Type);
        Assert.Equal(DerpFrameType.ServerInfo, (await a.NextAsync()).Type);
        await a.ExpectPacketAsync(key.PublicKey, 5);
        Assert.Equal(1, rig.Server.Totals[DerpCount.CurrentHome]);
    }

    [Fact]
    public async Task AdmissionIsAskedForClientsAndNotForMeshPeers()
    {
        DerpAdmissionRequest? asked = null;
        using var rig = new DerpRig(admission: (request, _) =>
        {
            asked = request;
            return ValueTask.FromResult(false);
        });
        await rig.GreetAsync(meshKey: Vectors.MeshKey);
        Assert.Null(asked);
        var a = rig.Connect();

        await a.SendInfoAsync();

        Assert.Equal(DerpFrameType.None, (await a.NextAsync()).Type);
        Assert.Equal(DerpCloseReason.NotAdmitted, await a.Served.Soon());
        Assert.Equal(a.Key, asked!.Key);
        Assert.Equal("203.0.113.7", asked.Source!.ToString());
    }

    [Fact]
    public async Task AnAdmissionThatDoesNotAnswerIsARefusal()
    {
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var rig = new DerpRig(admission: async (_, _) =>
        {
            asked.SetResult();
            await new TaskCompletionSource().Task;
            return true;
        });
        var a = rig.Connect();
        await a.SendInfoAsync();
        await asked.Task.Soon();
        await Eventually.TrueAsync(() => rig.Clock.PendingTimers >= 2, "the wait has begun");

        rig.Clock.Advance(TimeSpan.FromSeconds(11));

        Assert.Equal(DerpCloseReason.HandshakeTimeout, await a.Served.Soon());
    }

    [Fact]
    public async Task ConnectionsAboveALimitAreClosedAndTheOthersStay()
    {
        using var rig = new DerpRig(static options => (options.MaxConnectionsPerAddress, options.MaxConnectionsPerKey) = (3, 2));
        var key = NodePrivateKey.Generate();
        var first = await rig.GreetAsync(key);
        await rig.GreetAsync(key);
        var third = rig.Connect(key);
        await third.SendInfoAsync();
        Assert.Equal(DerpCloseReason.TooManyConnections, await third.Served.Soon());
        await rig.GreetAsync();

        Assert.Equal(DerpCloseReason.TooManyConnections, await rig.Connect().Served.Soon());
        await rig.Connect(address: "203.0.113.8:1").GreetAsync();
        await first.LeaveAsync();
        await rig.GreetAsync();
    }
}
