using Relay.Derp;
using Relay.Derp.Wire;

namespace Relay.Tests.Derp;

public sealed class DerpServerTests
{
    private static readonly byte[] Disco = [.. "TS"u8, 0xf0, 0x9f, 0x92, 0xac, .. new byte[56]];

    [Fact]
    public async Task PacketsGoToTheirReceiverWithTheirSourceAndToNobodyElse()
    {
        using var rig = new DerpRig();
        var (a, b, c) = (await rig.GreetAsync(), await rig.GreetAsync(), await rig.GreetAsync());

        await a.SendAsync(b.Key, 1, 2, 3);
        await b.ExpectPacketAsync(a.Key, 1, 2, 3);
        await b.SendAsync(c.Key);
        await c.ExpectPacketAsync(b.Key);
        await a.SendAsync(a.Key, 9);
        await a.ExpectPacketAsync(a.Key, 9);

        await a.ExpectNothingAsync();
        await b.ExpectNothingAsync();
        await c.ExpectNothingAsync();
    }

    [Fact]
    public async Task OnlyDiscoToAnUnknownKeyIsAnsweredAndThreeTimesAtOnce()
    {
        using var rig = new DerpRig();
        var a = await rig.GreetAsync();
        var nobody = NodePrivateKey.Generate().PublicKey;

        await a.SendAsync(nobody, 1, 2, 3);
        await a.ExpectNothingAsync();
        await a.SendAsync(nobody, Disco);
        await a.ExpectPeerGoneAsync(nobody, PeerGoneReason.NotHere);
        for (var i = 0; i < 5; i++)
        {
            await a.SendAsync(nobody, Disco);
        }

        await a.ExpectPeerGoneAsync(nobody, PeerGoneReason.NotHere);
        await a.ExpectPeerGoneAsync(nobody, PeerGoneReason.NotHere);
        await a.ExpectNothingAsync();
        rig.Clock.Advance(TimeSpan.FromSeconds(1));
        await a.SendAsync(nobody, Disco);
        await a.ExpectPeerGoneAsync(nobody, PeerGoneReason.NotHere);
        Assert.Equal((7, 7 * 62), rig.Server.Totals.Drops(DropReason.UnknownDest, PacketKind.Disco));
        Assert.Equal((1, 3), rig.Server.Totals.Drops(DropReason.UnknownDest, PacketKind.Other));
    }

    [Fact]
    public async Task APeerThatLeavesIsReportedToThoseItSentToEachTimeItLeaves()
    {
        using var rig = new DerpRig();
        var key = NodePrivateKey.Generate();
        var (b, c) = (await rig.GreetAsync(), await rig.GreetAsync());
        for (var time = 0; time < 3; time++)
        {
            var a = await rig.GreetAsync(key);
            await a.SendAsync(b.Key, 1);
            await b.ExpectPacketAsync(a.Key, 1);
            Assert.Equal(DerpCloseReason.ClientClosed, await a.LeaveAsync());
            await b.ExpectPeerGoneAsync(a.Key, PeerGoneReason.Disconnected);
        }

        await c.ExpectNothingAsync();
    }

    [Fact]
    public async Task HomesAreCountedWhileTheyAreConnected()
    {
        using var rig = new DerpRig();
        var a = await rig.GreetAsync();

        await a.WriteAsync(DerpTestClient.Frame(DerpFrameType.NotePreferred, 1));
        await a.ExpectNothingAsync();
        Assert.Equal(1, rig.Server.Totals[DerpCount.CurrentHome]);
        Assert.Equal(0, rig.Server.Totals[DerpCount.HomeMovesIn]);
        await a.LeaveAsync();
        Assert.Equal(0, rig.Server.Totals[DerpCount.CurrentHome]);
        Assert.Equal(0, rig.Server.Registry.Connections);
    }

    [Fact]
    public async Task AReceiverThatDoesNotReadDelaysNobodyAndLosesItsOldest()
    {
        using var rig = new DerpRig(static options => options.QueueDepth = 128);
        var (alice, bob, cathy) = (await rig.GreetAsync(), await rig.GreetAsync(), await rig.GreetAsync(pause: 4096));
        var packet = new byte[1200];
        const int Count = 2000;
        for (var i = 0; i < Count; i++)
        {
            BitConverter.TryWriteBytes(packet, i);
            await alice.SendAsync(cathy.Key, packet);
            await alice.SendAsync(bob.Key, packet);
            await bob.ExpectPacketAsync(alice.Key, packet);
        }

        var (lost, _) = rig.Server.Totals.Drops(DropReason.QueueHead, PacketKind.Other);
        Assert.InRange(lost, Count - 128 - 80, Count - 128);
        var last = -1;
        for (var i = 0; i < Count - lost; i++)
        {
            var (_, payload) = await cathy.NextAsync();
            var number = BitConverter.ToInt32(payload, 32);
            Assert.True(number > last);
            last = number;
        }

        Assert.Equal(Count - 1, last);
        Assert.Equal(0, rig.Server.Pool.Rented);
    }

    [Fact]
    public async Task WatchersSeeEverybodyAndPairedChanges()
    {
        using var rig = new DerpRig();
        var early = await rig.GreetAsync();
        var watcher = await rig.GreetAsync(meshKey: Vectors.MeshKey);
        await watcher.WriteAsync(DerpTestClient.Frame(DerpFrameType.WatchConns));
        var seen = new HashSet<string>();
        for (var i = 0; i < 2; i++)
        {
            var (type, payload) = await watcher.NextAsync();
            Assert.Equal((DerpFrameType.PeerPresent, 51), (type, payload.Length));
            seen.Add(Vectors.Hex(payload));
        }

        const string Address = "00000000000000000000ffffcb007107a2a9";
        Assert.Contains(early.Key.ToHex() + Address + "01", seen);
        Assert.Contains(watcher.Key.ToHex() + Address + "02", seen);

        var key = NodePrivateKey.Generate();
        var first = await rig.GreetAsync(key);
        Assert.Equal(DerpFrameType.PeerPresent, (await watcher.NextAsync()).Type);
        var second = await rig.GreetAsync(key);
        await first.LeaveAsync();
        await watcher.ExpectNothingAsync();
        await second.LeaveAsync();
        await watcher.ExpectPeerGoneAsync(second.Key, PeerGoneReason.Disconnected);
        await watcher.ExpectNothingAsync();
    }

    [Fact]
    public async Task AWatcherThatReadsSlowlyIsToldWhatIsTrueInTheEnd()
    {
        using var rig = new DerpRig();
        var watcher = await rig.GreetAsync(meshKey: Vectors.MeshKey, pause: 512);
        await watcher.WriteAsync(DerpTestClient.Frame(DerpFrameType.WatchConns));
        Assert.Equal(DerpFrameType.PeerPresent, (await watcher.NextAsync()).Type);
        var keys = Enumerable.Range(0, 20).Select(static _ => NodePrivateKey.Generate()).ToArray();
        for (var round = 0; round < 20; round++)
        {
            foreach (var key in keys)
            {
                await (await rig.GreetAsync(key)).LeaveAsync();
            }
        }

        var stays = await rig.GreetAsync();
        var present = new HashSet<NodeKey>();
        var frames = 0;
        while (!present.Contains(stays.Key) || present.Count > 1)
        {
            var (type, payload) = await watcher.NextAsync();
            var key = new NodeKey(payload);
            Assert.True(type == DerpFrameType.PeerPresent ? present.Add(key) : present.Remove(key));
            frames++;
        }

        Assert.InRange(frames, 1, 200); // Of 801 events.
    }

    [Fact]
    public async Task PingsAreAnswered()
    {
        using var rig = new DerpRig();
        var a = await rig.GreetAsync();

        await a.WriteAsync(DerpTestClient.Frame(DerpFrameType.Ping, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0));
        var (type, payload) = await a.NextAsync();

        Assert.Equal((DerpFrameType.Pong, "0807060504030201"), (type, Vectors.Hex(payload)));
        Assert.Equal(1, rig.Server.Totals[DerpCount.GotPing]);
        Assert.Equal(1, rig.Server.Totals[DerpCount.SentPong]);
    }

    [Fact]
    public async Task TheLastToSpeakOfSeveralConnectionsOfAKeyGetsItsPackets()
    {
        using var rig = new DerpRig();
        var (key, sender) = (NodePrivateKey.Generate(), await rig.GreetAsync());
        var first = await rig.GreetAsync(key);
        var second = await rig.GreetAsync(key);
        var third = await rig.GreetAsync(key);
        Assert.Equal(3, rig.Server.Totals[DerpCount.CurrentDupConnections]);
        Assert.Equal(1, rig.Server.Totals[DerpCount.CurrentDupKeys]);

        await sender.SendAsync(third.Key, 1);
        await third.ExpectPacketAsync(sender.Key, 1);
        await first.ExpectNothingAsync(); // It speaks.
        await sender.SendAsync(first.Key, 2);
        await first.ExpectPacketAsync(sender.Key, 2);
        await first.LeaveAsync();
        await sender.SendAsync(first.Key, 3);
        await third.ExpectPacketAsync(sender.Key, 3);
        await third.LeaveAsync();
        await sender.SendAsync(first.Key, 4);
        await second.ExpectPacketAsync(sender.Key, 4);
        await sender.ExpectNothingAsync();
        Assert.Equal(0, rig.Server.Totals[DerpCount.CurrentDupConnections]);
        Assert.Equal(0, rig.Server.Totals[DerpCount.CurrentDupKeys]);
        Assert.Equal(3, rig.Server.Totals[DerpCount.TotalDupConnections]);
    }

    [Fact]
    public async Task AMeshPeerMayCloseClientsAndForward()
    {
        using var rig = new DerpRig();
        var (mesh, a) = (await rig.GreetAsync(meshKey: Vectors.MeshKey), await rig.GreetAsync());
        var elsewhere = NodePrivateKey.Generate().PublicKey;

        await mesh.WriteAsync(DerpTestClient.Forward(elsewhere, a.Key, [7]));
        await a.ExpectPacketAsync(elsewhere, 7);
        await mesh.WriteAsync(DerpTestClient.Forward(a.Key, elsewhere, Disco));
        await mesh.ExpectPeerGoneAsync(elsewhere, PeerGoneReason.NotHere);
        Assert.Equal(1, rig.Server.Totals.Drops(DropReason.UnknownDestOnForward, PacketKind.Disco).Packets);
        await mesh.WriteAsync(DerpTestClient.Frame(DerpFrameType.ClosePeer, DerpTestClient.Bytes(a.Key)));
        Assert.Equal(DerpCloseReason.ClosedByPeer, await a.Served.WaitAsync(TimeSpan.FromSeconds(20)));
    }

    [Theory]
    [InlineData("04000000" + "1f", DerpCloseReason.ProtocolError)]
    [InlineData("0400010021", DerpCloseReason.ProtocolError)]
    [InlineData("0700000002", DerpCloseReason.ProtocolError)]
    [InlineData("0700000000", DerpCloseReason.ProtocolError)]
    [InlineData("1200000007", DerpCloseReason.ProtocolError)]
    [InlineData("12000003e9", DerpCloseReason.ProtocolError)]
    [InlineData("7700010001", DerpCloseReason.ProtocolError)]
    [InlineData("77ffffffff", DerpCloseReason.ProtocolError)]
    [InlineData("0a00000040", DerpCloseReason.NotMeshPeer)]
    [InlineData("1000000000", DerpCloseReason.NotMeshPeer)]
    [InlineData("1100000020", DerpCloseReason.NotMeshPeer)]
    public async Task AFrameThatIsNotAllowedClosesTheConnectionByItsHeader(string header, DerpCloseReason reason)
    {
        using var rig = new DerpRig();
        var a = await rig.GreetAsync();

        await a.WriteAsync(Vectors.Bytes(header));

        Assert.Equal(reason, await a.Served.WaitAsync(TimeSpan.FromSeconds(20)));
        Assert.Equal(1, rig.Server.Closed[reason]);
    }

    [Fact]
    public async Task UnknownFramesUpTo64KiBAreSkipped()
    {
        using var rig = new DerpRig();
        var a = await rig.GreetAsync();

        await a.WriteAsync(
            [.. DerpTestClient.Frame((DerpFrameType)0x77, new byte[65536]), .. DerpTestClient.Frame(DerpFrameType.KeepAlive)]);
        await a.ExpectNothingAsync();

        Assert.Equal(2, rig.Server.Totals[DerpCount.UnknownFrames]);
    }

    [Fact]
    public async Task FramesAreHandledWhereverTheyAreCut()
    {
        using var rig = new DerpRig();
        var (a, b) = (await rig.GreetAsync(), await rig.GreetAsync());
        byte[] frames =
        [
            .. DerpTestClient.Packet(b.Key, [1]), .. DerpTestClient.Frame((DerpFrameType)0x77, 1, 2, 3),
            .. DerpTestClient.Frame(DerpFrameType.NotePreferred, 1), .. DerpTestClient.Packet(b.Key, [2]),
        ];
        for (var cut = 0; cut <= frames.Length; cut++)
        {
            await a.WriteAsync(frames[..cut]);
            await a.WriteAsync(frames[cut..]);
            await b.ExpectPacketAsync(a.Key, 1);
            await b.ExpectPacketAsync(a.Key, 2);
        }
    }
}
