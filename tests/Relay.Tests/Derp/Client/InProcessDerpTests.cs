using Relay.Derp;
using Relay.Derp.Client;
using Relay.Derp.Wire;
using Relay.Tests.Streams;

namespace Relay.Tests.Derp.Client;

/// <summary>Clients of the real server, in its process.</summary>
public sealed class InProcessDerpTests
{
    private static readonly byte[] Disco = [.. "TS"u8, 0xf0, 0x9f, 0x92, 0xac, .. new byte[56]];

    [Fact]
    public async Task PacketsGoBothWaysBetweenTwoClients()
    {
        using var rig = new DerpRig();
        await using var a = await JoinAsync(rig);
        await using var b = await JoinAsync(rig);

        Assert.True(a.Send(b.Key, 1, 2, 3));
        await b.Events.ExpectAsync(ClientEvents.PacketLine(a.Key, 1, 2, 3));
        Assert.True(b.Send(a.Key));
        await a.Events.ExpectAsync(ClientEvents.PacketLine(b.Key));

        Assert.Equal(rig.Server.PublicKey, a.Derp.Client.ServerKey);
        await a.StopAsync();
        await b.Events.ExpectAsync(ClientEvents.GoneLine(a.Key, PeerGoneReason.Disconnected));
        await b.StopAsync();
        Assert.Equal((0, 0), (rig.Server.Connections, rig.Server.Pool.Rented));
    }

    [Fact]
    public async Task ThousandsOfPacketsArriveInOrder()
    {
        using var rig = new DerpRig();
        using var window = new SemaphoreSlim(100); // Less than the server's queue for a sender.
        await using var a = await JoinAsync(rig);
        await using var b = await JoinAsync(rig, events: new ClientEvents { Packet = _ => window.Release() });

        for (var i = 0; i < 5000; i++)
        {
            await window.WaitAsync(SoonExtensions.Guard, TestContext.Current.CancellationToken);
            await Eventually.TrueAsync(() => a.Send(b.Key, BitConverter.GetBytes(i)), "the output accepts a packet");
        }

        for (var i = 0; i < 5000; i++)
        {
            await b.Events.ExpectAsync(ClientEvents.PacketLine(a.Key, BitConverter.GetBytes(i)));
        }
    }

    [Fact]
    public async Task AHomeIsCountedAndAPeerThatIsNotThereIsReported()
    {
        using var rig = new DerpRig();
        await using var a = await JoinAsync(rig);
        var nobody = NodePrivateKey.Generate().PublicKey;

        a.Derp.Client.NotePreferred(true);
        Assert.True(a.Send(nobody, Disco));
        await a.Events.ExpectAsync(ClientEvents.GoneLine(nobody, PeerGoneReason.NotHere));

        Assert.Equal(1, rig.Server.Totals[DerpCount.CurrentHome]);
    }

    [Fact]
    public async Task ARestartIsAnnouncedAndTheCloseIsTheRelays()
    {
        using var rig = new DerpRig();
        await using var a = await JoinAsync(rig);

        rig.Server.SendRestarting(TimeSpan.FromMilliseconds(20), TimeSpan.FromSeconds(5));
        await a.Events.ExpectAsync("restarting 20 5000");
        Assert.Equal(1, rig.Server.CloseKey(a.Key));

        Assert.Equal(DerpClientCloseReason.RelayClosed, await a.Ended.Soon());
    }

    [Fact]
    public async Task AdmissionDoesNotDecideAboutAClientInTheProcess()
    {
        using var rig = new DerpRig(admission: static (_, _) => ValueTask.FromResult(false));
        await using var a = await JoinAsync(rig);

        Assert.True(a.Send(a.Key, 7));
        await a.Events.ExpectAsync(ClientEvents.PacketLine(a.Key, 7));
    }

    [Fact]
    public async Task AnIdleClientStaysConnected()
    {
        using var rig = new DerpRig();
        await using var a = await JoinAsync(rig);
        var activity = rig.Server.Registry.Find(a.Key)!.Active!.Activity;
        for (var minute = 0; minute < 10; minute++)
        {
            // Each side pings after 60 s of silence. A late read of the last answer postpones the ping a little. The relay waits 15 s
            // for an answer, so the clock must not run far ahead of the reads.
            var (relay, client) = (activity.Reads, a.Derp.Client.Reads);
            rig.Clock.Advance(TimeSpan.FromSeconds(61));
            var more = 5;
            await Eventually.TrueAsync(
                () =>
                {
                    var heard = activity.Reads > relay && a.Derp.Client.Reads > client;
                    rig.Clock.Advance(TimeSpan.FromSeconds(heard || more-- <= 0 ? 0 : 1));
                    return heard;
                },
                "each side has heard the other");
        }

        Assert.True(a.Send(a.Key, 7));
        await a.Events.ExpectAsync(ClientEvents.PacketLine(a.Key, 7));
    }

    [Fact]
    public async Task AClientInTheProcessTakesNoPlaceOfOthers()
    {
        using var rig = new DerpRig(static options => options.MaxConnections = 1);
        await using var a = await JoinAsync(rig);
        var guest = await rig.GreetAsync();
        await using var b = await JoinAsync(rig);

        Assert.True(a.Send(guest.Key, 1));
        await guest.ExpectPacketAsync(a.Key, 1);
        Assert.Equal(DerpCloseReason.TooManyConnections, await rig.Connect().Served.Soon());
    }

    [Fact]
    public async Task AClientRunsOnce()
    {
        using var rig = new DerpRig();
        await using var a = await JoinAsync(rig);

        await Assert.ThrowsAsync<InvalidOperationException>(() => a.Derp.RunAsync(CancellationToken.None));
        Assert.True(a.Derp.Client.IsConnected);
    }

    private static Joined Join(DerpRig rig, ClientEvents? events = null) => new(rig, events ?? new ClientEvents());

    private static async Task<Joined> JoinAsync(DerpRig rig, ClientEvents? events = null)
    {
        var joined = Join(rig, events);
        await joined.Events.ExpectAsync("connected");
        return joined;
    }

    private sealed class Joined : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly DerpClientHeartbeat _heartbeat;

        public Joined(DerpRig rig, ClientEvents events)
        {
            Events = events;
            _heartbeat = new DerpClientHeartbeat(rig.Clock);
            Derp = new InProcessDerp(rig.Server, NodePrivateKey.Generate(), events, _heartbeat);
            Ended = Derp.RunAsync(_stop.Token);
        }

        public ClientEvents Events { get; }

        public InProcessDerp Derp { get; }

        public NodeKey Key => Derp.Client.Key;

        public Task<DerpClientCloseReason> Ended { get; }

        public bool Send(NodeKey to, params byte[] packet)
        {
            var accepted = Derp.Client.TrySend(to, packet);
            Derp.Client.Flush();
            return accepted;
        }

        public async Task StopAsync()
        {
            await _stop.CancelAsync();
            Assert.Equal(DerpClientCloseReason.Stopped, await Ended.Soon());
        }

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await Ended.Soon();
            _heartbeat.Dispose();
            _stop.Dispose();
        }
    }
}
