using System.Net.Sockets;
using System.Text;
using Relay.Streams;

namespace Relay.Tests.Streams;

public sealed class DrainTests : IAsyncLifetime
{
    private readonly StreamRig _rig = new();

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync() => _rig.DisposeAsync();

    [Fact]
    public async Task AGraceThatEndsWithTheStreamTouchesNothingThatItsOwnerHasDisposed()
    {
        // The heartbeat runs on the thread that moves the clock, and the rig fails for what it throws. From now on every stream is closed
        // as it starts, and has a second for it.
        await _rig.Relay.DrainAsync(TimeSpan.Zero, TestContext.Current.CancellationToken);
        var partial = Frames.Make(Frames.Text, 100, masked: false)[..30];
        for (var i = 0; i < 500; i++)
        {
            var (nearClient, client) = await Loopback.PairAsync();
            var (nearBackend, backend) = await Loopback.PairAsync();
            using var ends = client;
            using var end = backend;
            if (i % 2 == 0)
            {
                await StreamRig.SendAsync(backend, partial);
            }

            var owner = OwnAsync(new SocketTransport(nearClient), new SocketTransport(nearBackend));
            await StreamRig.ReceiveAsync(backend, 4);
            var ending = Task.Run(
                () =>
                {
                    client.Shutdown(SocketShutdown.Send);
                    backend.Shutdown(SocketShutdown.Send);
                },
                TestContext.Current.CancellationToken);
            for (var beat = 0; beat < 5; beat++)
            {
                _rig.Clock.Advance(TimeSpan.FromMilliseconds(250));
            }

            await ending.Soon();
            while (!owner.IsCompleted)
            {
                _rig.Clock.Advance(TimeSpan.FromMilliseconds(250));
            }

            await owner;
        }

        async Task OwnAsync(SocketTransport client, SocketTransport backend)
        {
            await using var one = client;
            await using var other = backend;
            await _rig.Relay.RunAsync(
                client, backend, new StreamInfo(StreamKind.Other, StreamFraming.WebSocket, "test"), CancellationToken.None);
        }
    }

    [Fact]
    public async Task AnIdleStreamIsClosedWith1001OnBothSidesWithoutWaiting()
    {
        var (client, backend, run) = await _rig.StartAsync();
        var drain = _rig.Relay.DrainAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        await AnswerAsync(client, backend);
        var report = await run.Soon();
        await drain.Soon();
        Assert.Equal((StreamCloseReason.Drained, 1001, 1001), (report.Reason, report.ClientCloseCode, report.BackendCloseCode));
        Assert.Equal((0, 0), (report.BytesToBackend, report.BytesToClient));
        Assert.Equal(1, _rig.Meters.Sum("edge.streams.closed", "drained"));
    }

    [Fact]
    public async Task TheCloseWaitsForTheFrameThatIsUnderWayAndWhatFollowsIsDropped()
    {
        var (client, backend, run) = await _rig.StartAsync();
        var frame = Frames.Make(Frames.Text, 100, masked: false);
        await StreamRig.SendAsync(backend, frame[..30]);
        await StreamRig.ReceiveAsync(client, 30);
        var drain = _rig.Relay.DrainAsync(TimeSpan.Zero, TestContext.Current.CancellationToken);
        await StreamRig.ReceiveAsync(backend, 4);
        await StreamRig.SendAsync(backend, [.. frame[30..], .. frame[..20]]);
        Assert.Equal(frame[30..], await StreamRig.ReceiveAsync(client, 72));
        Assert.Equal(0x88, (await StreamRig.ReceiveAsync(client, 1))[0]);
        await StreamRig.SendAsync(client, Frames.CloseWith(1001, masked: true));
        await StreamRig.SendAsync(backend, [.. frame[20..], .. Frames.CloseWith(1001, masked: false)]);
        var report = await run.Soon();
        await drain.Soon();
        Assert.Equal((StreamCloseReason.Drained, frame.Length), (report.Reason, report.BytesToClient));
    }

    [Fact]
    public async Task AFrameThatDoesNotEndIsCutWithAResetAfterTheGrace()
    {
        var (client, backend) = (new PipeTransport(), new PipeTransport());
        var run = _rig.Run(client, backend, StreamFraming.WebSocket, StreamKind.Other);
        await Task.WhenAll(client.NextReadAsync(), backend.NextReadAsync());
        await backend.Send.WriteAsync(Frames.Make(Frames.Text, 100, masked: false).AsMemory(0, 30), TestContext.Current.CancellationToken);
        await backend.NextReadAsync();
        var drain = _rig.Relay.DrainAsync(TimeSpan.Zero, TestContext.Current.CancellationToken);
        await Task.WhenAll(client.NextReadAsync(), backend.NextReadAsync());
        _rig.Clock.Advance(TimeSpan.FromSeconds(0.75));
        Assert.False(run.IsCompleted);
        _rig.Clock.Advance(TimeSpan.FromSeconds(0.25));
        Assert.Equal(StreamCloseReason.DrainCutMidFrame, (await run.Soon()).Reason);
        await drain.Soon();
        await Task.WhenAll(client.Aborted, backend.Aborted).Soon();
        Assert.True(client.Receive.TryRead(out var toClient));
        Assert.Equal(30, toClient.Buffer.Length);
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public async Task APauseOfThisProcessIsNoReasonForAReset(bool pausesClient, bool pausesBackend)
    {
        var (client, backend) = (new PipeTransport(), new PipeTransport());
        var pause = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        client.Pause = pausesClient ? pause.Task : Task.CompletedTask;
        backend.Pause = pausesBackend ? pause.Task : Task.CompletedTask;
        var run = _rig.Run(client, backend, StreamFraming.WebSocket, StreamKind.Other);
        await Task.WhenAll(client.NextReadAsync(), backend.NextReadAsync());
        var drain = _rig.Relay.DrainAsync(TimeSpan.Zero, TestContext.Current.CancellationToken);
        await ReadAsync(!pausesClient, !pausesBackend);

        _rig.Clock.Advance(TimeSpan.FromSeconds(30));
        Assert.False(client.Aborted.IsCompleted || backend.Aborted.IsCompleted);
        pause.SetResult();

        // A peer that has got its close frame has one second to answer it.
        await ReadAsync(pausesClient, pausesBackend);
        await client.Send.WriteAsync(Frames.CloseWith(1001, masked: true), TestContext.Current.CancellationToken);
        await backend.Send.WriteAsync(Frames.CloseWith(1001, masked: false), TestContext.Current.CancellationToken);
        var report = await run.Soon();
        await drain.Soon();
        Assert.Equal((StreamCloseReason.Drained, 1001, 1001), (report.Reason, report.ClientCloseCode, report.BackendCloseCode));
        Assert.True(client.Receive.TryRead(out var toClient));
        Assert.Equal(0x88, toClient.Buffer.First.Span[0]);

        Task ReadAsync(bool fromClient, bool fromBackend) => Task.WhenAll(
            fromClient ? client.NextReadAsync() : Task.CompletedTask, fromBackend ? backend.NextReadAsync() : Task.CompletedTask);
    }

    [Fact]
    public async Task PeersThatDoNotAnswerAreFinishedInOrderAfterTheGrace()
    {
        var (client, backend) = (new PipeTransport(), new PipeTransport());
        var run = _rig.Run(client, backend, StreamFraming.WebSocket, StreamKind.Other);
        await Task.WhenAll(client.NextReadAsync(), backend.NextReadAsync());
        var drain = _rig.Relay.DrainAsync(TimeSpan.Zero, TestContext.Current.CancellationToken);

        // Each direction reads on only after it has delivered its close.
        await Task.WhenAll(client.NextReadAsync(), backend.NextReadAsync());
        _rig.Clock.Advance(TimeSpan.FromSeconds(0.75));
        Assert.False(run.IsCompleted);
        _rig.Clock.Advance(TimeSpan.FromSeconds(0.25));
        Assert.Equal(StreamCloseReason.Drained, (await run.Soon()).Reason);
        await drain.Soon();
        var (toClient, toBackend) = (
            await client.Receive.ReadAsync(TestContext.Current.CancellationToken),
            await backend.Receive.ReadAsync(TestContext.Current.CancellationToken));
        Assert.Equal((27, true), (toClient.Buffer.Length, toClient.IsCompleted));
        Assert.Equal((31, true), (toBackend.Buffer.Length, toBackend.IsCompleted));
        Assert.False(client.Aborted.IsCompleted || backend.Aborted.IsCompleted);
    }

    [Fact]
    public async Task AReaderThatDoesNotReadIsResetAfterTheGrace()
    {
        var (client, backend) = (new PipeTransport(), new PipeTransport());
        var run = _rig.Run(client, backend, StreamFraming.WebSocket, StreamKind.Other);
        await Task.WhenAll(client.NextReadAsync(), backend.NextReadAsync());
        var bulkTransfer = backend.Send.WriteAsync(
            Frames.Make(Frames.Binary, 200_000, masked: false), TestContext.Current.CancellationToken);
        await client.Receive.ReadAtLeastAsync(64 * 1024, TestContext.Current.CancellationToken).Soon();

        var drain = _rig.Relay.DrainAsync(TimeSpan.Zero, TestContext.Current.CancellationToken);
        await client.NextReadAsync();
        _rig.Clock.Advance(TimeSpan.FromSeconds(0.75));
        Assert.False(run.IsCompleted);
        _rig.Clock.Advance(TimeSpan.FromSeconds(0.25));
        Assert.Equal(StreamCloseReason.DrainBlocked, (await run.Soon()).Reason);
        await drain.Soon();
        await Task.WhenAll(client.Aborted, backend.Aborted).Soon();
        await backend.Input.CompleteAsync();
        await bulkTransfer.Soon();
    }

    [Fact]
    public async Task CoordinationGoesFirstAndTheOthersSpreadOverTheWindow()
    {
        var others = new List<(Socket Client, Socket Backend, Task<StreamReport> Run)>();
        for (var i = 0; i < 4; i++)
        {
            others.Add(await _rig.StartAsync());
        }

        var coordination = await _rig.StartAsync(kind: StreamKind.Coordination);
        var drain = _rig.Relay.DrainAsync(TimeSpan.FromSeconds(21), TestContext.Current.CancellationToken);
        await AnswerAsync(coordination.Client, coordination.Backend);
        await coordination.Run.Soon();

        var waiting = others.Select(other => (other.Run, First: StreamRig.ReceiveAsync(other.Client, 27), other)).ToList();
        for (var turn = 0; turn < 4; turn++)
        {
            var closed = await Task.WhenAny(waiting.Select(one => one.First)).Soon();
            var one = waiting.Single(one => one.First == closed);
            waiting.Remove(one);
            await StreamRig.SendAsync(one.other.Client, Frames.CloseWith(1001, masked: true));
            await StreamRig.SendAsync(one.other.Backend, Frames.CloseWith(1001, masked: false));
            await one.Run.Soon();
            Assert.Equal(3 - turn, _rig.Relay.Count);

            // A moment before the next turn the others still run.
            _rig.Clock.Advance(TimeSpan.FromSeconds(4.75));
            Assert.DoesNotContain(waiting, other => other.First.IsCompleted);
            _rig.Clock.Advance(TimeSpan.FromSeconds(0.25));
        }

        await drain.Soon();
    }

    [Fact]
    public async Task AStreamThatStartsDuringADrainIsClosedAtOnce()
    {
        await _rig.Relay.DrainAsync(TimeSpan.Zero, TestContext.Current.CancellationToken);
        var (client, backend, run) = await _rig.StartAsync();
        await AnswerAsync(client, backend);
        Assert.Equal(StreamCloseReason.Drained, (await run.Soon()).Reason);
    }

    [Fact]
    public async Task RawStreamsAreCompletedWithoutAFrame()
    {
        var (client, backend, run) = await _rig.StartAsync(StreamFraming.Raw);
        await _rig.Relay.DrainAsync(TimeSpan.Zero, TestContext.Current.CancellationToken).Soon();
        Assert.Empty(await StreamRig.ReceiveToEndAsync(client));
        Assert.Empty(await StreamRig.ReceiveToEndAsync(backend));
        Assert.Equal(StreamCloseReason.Drained, (await run).Reason);
    }

    [Fact]
    public async Task TheClientsOwnCloseIsNotFollowedByASecondOne()
    {
        var (client, backend, run) = await _rig.StartAsync();
        var close = Frames.CloseWith(1000, masked: true);
        await StreamRig.SendAsync(client, close);
        await StreamRig.ReceiveAsync(backend, close.Length);
        var drain = _rig.Relay.DrainAsync(TimeSpan.Zero, TestContext.Current.CancellationToken);
        Assert.Empty(await StreamRig.ReceiveToEndAsync(backend));
        Assert.Equal(27, (await StreamRig.ReceiveAsync(client, 27)).Length);
        backend.Dispose();
        client.Dispose();
        Assert.Equal(1000, (await run.Soon()).ClientCloseCode);
        await drain.Soon();
    }

    [Fact]
    public async Task CancellingADrainResetsWhatIsLeft()
    {
        using var enough = new CancellationTokenSource();
        var first = await _rig.StartAsync();
        var second = await _rig.StartAsync();
        var drain = _rig.Relay.DrainAsync(TimeSpan.FromSeconds(30), enough.Token);
        await enough.CancelAsync();
        await drain.Soon();
        Assert.Equal(StreamCloseReason.HostAborted, (await first.Run).Reason);
        Assert.Equal(StreamCloseReason.HostAborted, (await second.Run).Reason);
        await StreamRig.AssertResetAsync(second.Client);
    }

    /// <summary>Both peers get the close and answer it, as WebSocket peers do.</summary>
    private static async Task AnswerAsync(Socket client, Socket backend)
    {
        var toClient = await StreamRig.ReceiveAsync(client, 27);
        Assert.Equal("881903E9", Convert.ToHexString(toClient[..4]));
        Assert.Equal("server is shutting down", Encoding.ASCII.GetString(toClient[4..]));
        await StreamRig.SendAsync(client, Frames.CloseWith(1001, masked: true));

        var toBackend = await StreamRig.ReceiveAsync(backend, 31);
        var payload = toBackend[6..].Select((value, at) => (byte)(value ^ toBackend[2 + (at & 3)])).ToArray();
        Assert.Equal((0x88, 0x80 | 25, 1001), (toBackend[0], toBackend[1], (payload[0] << 8) | payload[1]));
        await StreamRig.SendAsync(backend, Frames.CloseWith(1001, masked: false));
    }
}
