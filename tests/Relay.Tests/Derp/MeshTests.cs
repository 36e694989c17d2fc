using System.IO.Pipelines;
using Relay.Derp;
using Relay.Derp.Client;
using Relay.Derp.Connections;
using Relay.Derp.Mesh;
using Relay.Derp.Wire;
using Relay.Tests.Streams;

namespace Relay.Tests.Derp;

public sealed class MeshTests
{
    [Fact]
    public async Task PacketsCrossTheMeshInBothDirectionsAndPeersGoneAreReported()
    {
        using var one = new DerpRig();
        using var two = new DerpRig();
        using var stop = new CancellationTokenSource();
        var links = new[] { Link(one, two).RunAsync(stop.Token), Link(two, one).RunAsync(stop.Token) };
        var (a, b) = (await one.GreetAsync(), await two.GreetAsync());
        await Eventually.TrueAsync(() => one.Server.Registry.Find(b.Key) is not null, "one knows of b");
        await Eventually.TrueAsync(() => two.Server.Registry.Find(a.Key) is not null, "two knows of a");

        await a.SendAsync(b.Key, 1);
        await b.ExpectPacketAsync(a.Key, 1);
        await b.SendAsync(a.Key, 2);
        await a.ExpectPacketAsync(b.Key, 2);
        Assert.Equal(1, one.Server.Totals[DerpCount.PacketsForwardedOut]);
        Assert.Equal(1, one.Server.Totals[DerpCount.PacketsForwardedIn]);
        await b.LeaveAsync();
        await a.ExpectPeerGoneAsync(b.Key, PeerGoneReason.Disconnected);

        await stop.CancelAsync();
        await Task.WhenAll(links).Soon();
        Assert.Equal(0, one.Server.Registry.RemoteKeys);
    }

    [Fact]
    public async Task APeerThatStallsDelaysNobodyAndItsLossesAreCounted()
    {
        using var one = new DerpRig(static options => options.MeshQueueDepth = 50);
        using var two = new DerpRig();
        using var stop = new CancellationTokenSource();

        // Between the link and the other server stands a pipe that the test stops reading.
        var up = new Pipe(new PipeOptions(pauseWriterThreshold: 4096, resumeWriterThreshold: 2048));
        var remote = two.Connect();
        var link = new DerpMeshLink(
            one.Server,
            one.ClientHeartbeat,
            _ => Task.FromResult(new DerpTransport(remote.Input, new DerpPipeOutput(up.Writer))),
            static _ => default);
        var running = link.RunAsync(stop.Token);
        var b = await two.GreetAsync();
        var hello = await up.Reader.ReadAsync().Soon();
        await remote.WriteAsync(System.Buffers.BuffersExtensions.ToArray(hello.Buffer));
        up.Reader.AdvanceTo(hello.Buffer.End);
        await Eventually.TrueAsync(() => one.Server.Registry.Find(b.Key) is not null, "one knows of b");
        var (a, c) = (await one.GreetAsync(), await one.GreetAsync());

        for (var i = 0; i < 500; i++)
        {
            await a.SendAsync(b.Key, new byte[1000]);
            await a.SendAsync(c.Key, (byte)i);
            await c.ExpectPacketAsync(a.Key, (byte)i);
        }

        Assert.Equal(500, one.Server.Totals[DerpCount.PacketsForwardedOut]);
        var lost = one.Server.Totals.Drops(DropReason.QueueHead, PacketKind.Other).Packets;
        Assert.InRange(lost, 500 - 50 - 20, 450);
        await stop.CancelAsync();
        await running.Soon();
        Assert.InRange(one.Server.Totals.Drops(DropReason.MeshLink, PacketKind.Other).Packets, 40, 50);
    }

    [Fact]
    public async Task ALinkToItselfEnds()
    {
        using var one = new DerpRig();
        DerpClientCloseReason? ended = null;
        var link = new DerpMeshLink(one.Server, one.ClientHeartbeat, _ => Task.FromResult(TransportTo(one)), static _ => default)
        {
            Ended = reason => ended = reason,
        };

        await link.RunAsync(CancellationToken.None).Soon();

        Assert.Equal((DerpClientCloseReason.Self, true, false), (ended, link.IsSelf, link.IsUp));
    }

    [Fact]
    public async Task AnAttemptThatFailsIsToldAndTheNextOneFollows()
    {
        using var one = new DerpRig();
        using var two = new DerpRig();
        using var stop = new CancellationTokenSource();
        var failed = new System.Collections.Concurrent.ConcurrentQueue<string>();
        var link = new DerpMeshLink(
            one.Server,
            one.ClientHeartbeat,
            _ => failed.Count < 3
                ? Task.FromException<DerpTransport>(new IOException($"attempt {failed.Count}"))
                : Task.FromResult(TransportTo(two)),
            static _ => default)
        {
            Failed = error => failed.Enqueue(error.Message),
        };
        var running = link.RunAsync(stop.Token);

        await Eventually.TrueAsync(
            () =>
            {
                one.Clock.Advance(TimeSpan.FromSeconds(1));
                return link.Peers == 1;
            },
            "the link is up");

        Assert.Equal(["attempt 0", "attempt 1", "attempt 2"], failed);
        await stop.CancelAsync();
        await running.Soon();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task AnErrorThatIsNoneOfTheNetworkComesOut(bool whileConnecting)
    {
        using var one = new DerpRig();
        using var two = new DerpRig();
        var bug = new InvalidOperationException("a bug");
        var link = new DerpMeshLink(
            one.Server,
            one.ClientHeartbeat,
            _ => whileConnecting ? Task.FromException<DerpTransport>(bug) : Task.FromResult(TransportTo(two)),
            static _ => default)
        {
            Accepted = () => throw bug,
        };

        Assert.Same(bug, await Assert.ThrowsAsync<InvalidOperationException>(() => link.RunAsync(CancellationToken.None).Soon()));

        Assert.Equal((0, false), (one.Server.Registry.RemoteKeys, link.IsUp));
        Assert.False(one.Server.HasMeshMember);
    }

    [Fact]
    public async Task APeerThatSaysNothingIsLeft()
    {
        using var one = new DerpRig();
        using var stop = new CancellationTokenSource();
        var (silent, ended) = (new Pipe(), new System.Collections.Concurrent.ConcurrentQueue<DerpClientCloseReason>());
        var link = new DerpMeshLink(
            one.Server,
            one.ClientHeartbeat,
            _ => Task.FromResult(new DerpTransport(silent.Reader, new DerpPipeOutput(new Pipe().Writer))),
            static _ => default)
        {
            Ended = ended.Enqueue,
        };
        var running = link.RunAsync(stop.Token);

        one.Clock.Advance(TimeSpan.FromSeconds(9));
        Assert.Empty(ended);
        one.Clock.Advance(TimeSpan.FromSeconds(2));

        await Eventually.TrueAsync(() => ended.Contains(DerpClientCloseReason.LoginTimeout), "the link has ended");
        await stop.CancelAsync();
        await running.Soon();
    }

    [Fact]
    public async Task APeerThatReadsNothingIsLeft()
    {
        using var one = new DerpRig(static options => options.MeshWriteTimeout = TimeSpan.FromSeconds(7));
        using var two = new DerpRig();
        using var stop = new CancellationTokenSource();
        var up = new Pipe(new PipeOptions(pauseWriterThreshold: 4096, resumeWriterThreshold: 2048));
        var (remote, ended) = (two.Connect(), new System.Collections.Concurrent.ConcurrentQueue<DerpClientCloseReason>());
        var link = new DerpMeshLink(
            one.Server,
            one.ClientHeartbeat,
            _ => Task.FromResult(new DerpTransport(remote.Input, new DerpPipeOutput(up.Writer))),
            static _ => default)
        {
            Ended = ended.Enqueue,
        };
        var running = link.RunAsync(stop.Token);
        var hello = await up.Reader.ReadAsync().Soon();
        await remote.WriteAsync(System.Buffers.BuffersExtensions.ToArray(hello.Buffer));
        up.Reader.AdvanceTo(hello.Buffer.End);
        var (a, b) = (await one.GreetAsync(), await two.GreetAsync());
        await Eventually.TrueAsync(() => one.Server.Registry.Find(b.Key) is not null, "one knows of b");
        await a.SendAsync(b.Key, new byte[10_000]);
        await a.ExpectNothingAsync();

        one.Clock.Advance(TimeSpan.FromSeconds(7));
        Assert.Empty(ended);
        one.Clock.Advance(TimeSpan.FromSeconds(2));

        await Eventually.TrueAsync(() => ended.Contains(DerpClientCloseReason.WriteTimeout), "the link has ended");
        await stop.CancelAsync();
        await running.Soon();
    }

    [Fact]
    public async Task ALinkThatBreaksForgetsItsKeysAndComesBack()
    {
        using var one = new DerpRig();
        using var two = new DerpRig();
        using var stop = new CancellationTokenSource();
        var connects = 0;
        var link = Link(one, two, () => connects++);
        var running = link.RunAsync(stop.Token);
        var b = await two.GreetAsync();
        for (var time = 1; time <= 3; time++)
        {
            await Eventually.TrueAsync(() => one.Server.Registry.Find(b.Key) is not null, "one knows of b");
            Assert.Equal(time, connects);
            two.Server.CloseKey(one.Server.PublicKey);
            await Eventually.TrueAsync(() => one.Server.Registry.Find(b.Key) is null, "one has forgotten b");
            await Eventually.TrueAsync(
                () =>
                {
                    one.Clock.Advance(TimeSpan.FromSeconds(1));
                    return connects > time;
                },
                "the link comes back");
        }

        await stop.CancelAsync();
        await running.Soon();
    }

    [Fact]
    public async Task ALinkTellsWhenItIsTakenAndWhyItEnds()
    {
        using var one = new DerpRig();
        using var two = new DerpRig();
        Assert.True(MeshKey.TryParse("another secret of theirs", out var other));
        two.Server.MeshKey = other;
        using var stop = new CancellationTokenSource();
        var (accepted, ended) = (0, new System.Collections.Concurrent.ConcurrentQueue<DerpClientCloseReason>());
        var link = new DerpMeshLink(one.Server, one.ClientHeartbeat, _ => Task.FromResult(TransportTo(two)), static _ => default)
        {
            Accepted = () => accepted++,
            Ended = ended.Enqueue,
        };
        var running = link.RunAsync(stop.Token);

        await Eventually.TrueAsync(() => ended.Count == 1, "the wrong key is refused");
        Assert.Equal((0, 0, false), (accepted, link.Peers, link.IsSelf));
        two.Server.MeshKey = one.Server.MeshKey;
        await Eventually.TrueAsync(
            () =>
            {
                one.Clock.Advance(TimeSpan.FromSeconds(1));
                return link.Peers == 1;
            },
            "the right one is taken");
        Assert.Equal((1, true), (accepted, link.IsUp));
        Assert.Equal(1, two.Server.CloseMeshPeers());
        await Eventually.TrueAsync(() => ended.Last() == DerpClientCloseReason.RelayClosed && link.Peers == 0, "the link has ended");

        await stop.CancelAsync();
        await running.Soon();
    }

    [Fact]
    public async Task AKeyThatIsClosedForMeshPeersIsNotClosedForClients()
    {
        using var rig = new DerpRig();
        var (client, peer) = (await rig.GreetAsync(), await rig.GreetAsync(meshKey: Vectors.MeshKey));

        Assert.Equal(1, rig.Server.CloseMeshPeers());

        Assert.Equal(DerpCloseReason.Revoked, await peer.Served.Soon());
        await client.ExpectNothingAsync();
    }

    [Fact]
    public async Task ADrainSpreadsClientsAloneAndClosesMeshPeersBehindTheLast()
    {
        using var rig = new DerpRig();
        var peer = await rig.GreetAsync(meshKey: Vectors.MeshKey);
        var clients = new[] { await rig.GreetAsync(), await rig.GreetAsync() };
        var drain = rig.Server.DrainAsync(TimeSpan.FromSeconds(30), CancellationToken.None);
        for (var i = 0; i < 2; i++)
        {
            await Eventually.TrueAsync(() => clients.Count(static client => client.Served.IsCompleted) == i + 1, "one more is closed");
            await Eventually.TrueAsync(() => rig.Clock.PendingTimers > 1 || i == 1, "the drain waits");
            Assert.Equal(i == 1, drain.IsCompleted);
            rig.Clock.Advance(TimeSpan.FromSeconds(i == 0 ? 15 : 0));
        }

        await drain.Soon();
        Assert.Equal(DerpCloseReason.Drained, await peer.Served.Soon());
    }

    [Fact]
    public void KeysAreTheSameByTheirSecretAndNotByTheirSpelling()
    {
        var keys = new[] { new string('a', 64), new string('A', 64), new string('b', 64), "a secret of Coder's", "a secret of coder's" }
            .Select(static text => MeshKey.TryParse($" {text}\n", out var key) ? key : throw new ArgumentException(text)).ToArray();

        Assert.True(keys[0].IsSame(keys[1]));
        Assert.False(keys[0].IsSame(keys[2]));
        Assert.False(keys[0].IsSame(keys[3]));
        Assert.False(keys[3].IsSame(keys[4]));
    }

    [Fact]
    public async Task ForwardersFollowTheRulesOfRegistration()
    {
        using var rig = new DerpRig();
        var (registry, totals) = (rig.Server.Registry, rig.Server.Totals);
        var (f1, f2, f3) = (new Forwarder(), new Forwarder(), new Forwarder());
        var key = NodePrivateKey.Generate();

        registry.AddForwarder(key.PublicKey, f1);
        registry.AddForwarder(key.PublicKey, f1);
        Assert.Equal((0, 1), (registry.LocalKeys, registry.RemoteKeys));
        registry.AddForwarder(key.PublicKey, f2);
        registry.AddForwarder(key.PublicKey, f3);
        Assert.Same(f1, registry.Find(key.PublicKey)!.Forwarder);
        Assert.Equal(1, totals[DerpCount.MultiForwarderCreated]);
        registry.RemoveForwarder(key.PublicKey, f1);
        Assert.Same(f2, registry.Find(key.PublicKey)!.Forwarder);
        registry.RemoveForwarder(key.PublicKey, f1);
        Assert.Equal(1, totals[DerpCount.ForwarderDeleteOtherValue]);
        registry.RemoveForwarder(key.PublicKey, f2);
        Assert.Equal(1, totals[DerpCount.MultiForwarderDeleted]);

        var local = await rig.GreetAsync(key);
        Assert.Equal((1, 0), (registry.LocalKeys, registry.RemoteKeys));
        await local.LeaveAsync();
        Assert.Equal((0, 1), (registry.LocalKeys, registry.RemoteKeys));
        registry.RemoveForwarder(key.PublicKey, f3);
        Assert.Null(registry.Find(key.PublicKey));
        Assert.Equal((0, 0), (registry.LocalKeys, registry.RemoteKeys));
    }

    [Fact]
    public async Task APacketForALinkThatIsDownIsCounted()
    {
        using var rig = new DerpRig();
        var a = await rig.GreetAsync();
        var remote = NodePrivateKey.Generate().PublicKey;
        rig.Server.Registry.AddForwarder(remote, new Forwarder());

        await a.SendAsync(remote, 1, 2);
        await a.ExpectNothingAsync();

        Assert.Equal((1, 2), rig.Server.Totals.Drops(DropReason.MeshLink, PacketKind.Other));
    }

    private static DerpMeshLink Link(DerpRig from, DerpRig to, Action? connected = null) => new(
        from.Server,
        from.ClientHeartbeat,
        _ =>
        {
            connected?.Invoke();
            return Task.FromResult(TransportTo(to));
        },
        static _ => default);

    private static DerpTransport TransportTo(DerpRig rig)
    {
        var client = rig.Connect();
        return new DerpTransport(client.Input, new DerpPipeOutput(client.Output));
    }

    private sealed class Forwarder : IDerpForwarder
    {
        public DerpOutbox? Outbox => null;
    }
}
