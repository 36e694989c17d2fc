using Tailnet.Coordination;
using Tailnet.Drpc;
using Tailnet.Messages;
using Tailnet.Services;
using Tailnet.Wire;
using Tailnet.Yamux;
using Kind = Tailnet.Messages.CoordinateResponse.Types.PeerUpdate.Types.Kind;

namespace Tailnet.Tests;

/// <summary>Bytes that a stream still returns after its own end, or after the end of its session.</summary>
public sealed class YamuxEndTests
{
    [Fact]
    public async Task BytesReceivedBeforeTheSessionEndedAreReadAndThenTheReadFails()
    {
        await using var raw = new RawYamux();
        await raw.OpenAsync(1);
        var stream = (await raw.Session.AcceptStreamAsync().Soon())!;
        await raw.SendAsync(YamuxType.Data, YamuxFlags.None, 1, 5, "hello"u8.ToArray());
        await raw.EndAsync();
        Assert.Equal(YamuxCloseReason.PeerClose, await raw.Running.Soon());

        var first = await stream.Input.ReadAsync().Soon();
        Assert.Equal((5, false), (first.Buffer.Length, first.IsCompleted));
        stream.Input.AdvanceTo(first.Buffer.GetPosition(2), first.Buffer.GetPosition(3));
        var second = await stream.Input.ReadAsync().Soon();
        Assert.Equal(3, second.Buffer.Length);

        // The reader examines all bytes and consumes some, like a parser that waits for more.
        stream.Input.AdvanceTo(second.Buffer.GetPosition(1), second.Buffer.End);
        for (var i = 0; i < 2; i++)
        {
            var failure = await Assert.ThrowsAsync<YamuxException>(async () => await stream.Input.ReadAsync().Soon());
            Assert.Equal(YamuxCloseReason.PeerClose, failure.Reason);
        }

        await stream.DisposeAsync();
        Assert.Equal(0, raw.Session.UnreadBytes);
    }

    [Fact]
    public async Task AReaderThatWaitsWhenTheSessionEndsHearsOfIt()
    {
        await using var raw = new RawYamux();
        await raw.OpenAsync(1);
        var stream = (await raw.Session.AcceptStreamAsync().Soon())!;
        var reading = stream.Input.ReadAsync().AsTask();
        await raw.EndAsync();

        await Assert.ThrowsAsync<YamuxException>(() => reading.Soon());
    }

    [Fact]
    public async Task AHalfThatThePeerHadClosedEndsWellAlsoWhenTheSessionIsOver()
    {
        await using var raw = new RawYamux();
        await raw.OpenAsync(1);
        var stream = (await raw.Session.AcceptStreamAsync().Soon())!;
        await raw.SendAsync(YamuxType.Data, YamuxFlags.Fin, 1, 5, "hello"u8.ToArray());
        await raw.EndAsync();
        await raw.Running.Soon();

        Assert.Equal("hello"u8.ToArray(), await stream.Input.TakeAllAsync());
    }

    [Fact]
    public async Task AResetTakesBackWhatWasNotRead()
    {
        await using var raw = new RawYamux();
        await raw.OpenAsync(1);
        var stream = (await raw.Session.AcceptStreamAsync().Soon())!;
        await raw.SendAsync(YamuxType.Data, YamuxFlags.None, 1, 5, "hello"u8.ToArray());
        await raw.SendAsync(YamuxType.WindowUpdate, YamuxFlags.Rst, 1, 0);
        await raw.SendAsync(YamuxType.Ping, YamuxFlags.Syn, 0, 1);
        while ((await raw.ReadAsync()).Type != YamuxType.Ping)
        {
        }

        await Assert.ThrowsAsync<YamuxException>(async () => await stream.Input.ReadAsync().Soon());
        Assert.Equal(0, raw.Session.UnreadBytes);
    }

    [Fact]
    public async Task AResponseThatCameJustBeforeTheSessionEndedIsReceived()
    {
        var sent = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var pair = new DrpcPair(new DrpcRouter().Add("/two", async (call, cancellationToken) =>
        {
            await call.SendAsync(new Node { Id = 1 }, cancellationToken);
            await call.SendAsync(new Node { Id = 2 }, cancellationToken);
            sent.SetResult();
            await call.ReceiveAsync(Node.Parser, cancellationToken);
        }));
        await using var call = await pair.Client.StartAsync("/two", Node.Parser);
        Assert.Equal(1, (await call.ReceiveAsync().Soon())!.Id);
        await sent.Task.Soon();
        pair.Acceptor.Close();
        await pair.Ended.Soon();

        Assert.Equal(2, (await call.ReceiveAsync().Soon())!.Id);
        await Assert.ThrowsAsync<YamuxException>(() => call.ReceiveAsync().Soon());
    }

    [Fact]
    public async Task AGoodbyeThatIsThePeersLastWordIsHeard()
    {
        await using var coordinator = new InMemoryCoordinator();
        await using var other = await coordinator.ConnectAsync(Guid.NewGuid(), CoordinateeAuth.Server);
        var parts = new TailnetParts { Coordinator = coordinator, DerpMaps = new DerpMapPublisher(new DERPMap()) };
        for (var i = 0; i < 20; i++)
        {
            var caller = new TailnetCaller(Guid.NewGuid(), CoordinateeAuth.Server);
            await using var pair = new DrpcPair(new TailnetService(parts).AddTo(new DrpcRouter(), caller));
            await using var call = await pair.Client.StartAsync("/coder.tailnet.v2.Tailnet/Coordinate", CoordinateResponse.Parser);
            await call.SendAsync(new CoordinateRequest
            {
                UpdateSelf = new() { Node = new Node { Id = i } },
                AddTunnel = new() { Id = PeerIds.Write(other.Id) },
            });
            Assert.Equal(Kind.Node, (await other.ReadAsync().Soon())!.PeerUpdates[0].Kind);
            await call.SendAsync(new CoordinateRequest
            {
                ReadyForHandshake = { new CoordinateRequest.Types.ReadyForHandshake { Id = PeerIds.Write(other.Id) } },
            });
            await call.SendAsync(new CoordinateRequest { Disconnect = new() });
            pair.Dialer.Close();
            Kind last;
            do
            {
                last = (await other.ReadAsync().Soon())!.PeerUpdates[^1].Kind;
            }
            while (last == Kind.ReadyForHandshake);
            Assert.Equal(Kind.Disconnected, last);
        }
    }
}
