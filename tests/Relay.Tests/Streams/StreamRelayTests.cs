using System.Net.Sockets;
using Relay.Streams;

namespace Relay.Tests.Streams;

public sealed class StreamRelayTests : IAsyncLifetime
{
    private readonly StreamRig _rig = new();

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync() => _rig.DisposeAsync();

    [Fact]
    public async Task BytesPassBothWaysUnchangedAndAreCounted()
    {
        var (client, backend, run) = await _rig.StartAsync();
        var question = Frames.Make(Frames.Text, 70_000, masked: true, reserved: 4);
        var answer = Frames.Make(Frames.Binary, 300, masked: false, final: false);
        await StreamRig.SendAsync(client, question);
        Assert.Equal(question, await StreamRig.ReceiveAsync(backend, question.Length));
        await StreamRig.SendAsync(backend, answer);
        Assert.Equal(answer, await StreamRig.ReceiveAsync(client, answer.Length));
        Assert.Equal(1, _rig.Meters.Sum("edge.streams.open", "test"));

        client.Shutdown(SocketShutdown.Send);
        Assert.Empty(await StreamRig.ReceiveToEndAsync(backend));
        backend.Shutdown(SocketShutdown.Send);
        Assert.Empty(await StreamRig.ReceiveToEndAsync(client));

        var report = await run.Soon();
        Assert.Equal(
            (StreamCloseReason.ClientClosed, question.Length, answer.Length),
            (report.Reason, report.BytesToBackend, report.BytesToClient));
        Assert.Equal(question.Length, _rig.Meters.Sum("edge.streams.bytes", "to_backend"));
        Assert.Equal(answer.Length, _rig.Meters.Sum("edge.streams.bytes", "to_client"));
        Assert.Equal(0, _rig.Meters.Sum("edge.streams.open", "test"));
        Assert.Equal(1, _rig.Meters.Sum("edge.streams.started", "test"));
        Assert.Equal(1, _rig.Meters.Sum("edge.streams.closed", "client_closed"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task AfterAHalfCloseTheOtherDirectionGoesOn(bool clientFirst)
    {
        var (client, backend, run) = await _rig.StartAsync();
        var (ends, goesOn) = clientFirst ? (client, backend) : (backend, client);
        var last = Frames.Make(Frames.Text, 10, masked: clientFirst);
        await StreamRig.SendAsync(ends, last);
        ends.Shutdown(SocketShutdown.Send);
        Assert.Equal(last, await StreamRig.ReceiveToEndAsync(goesOn));

        await _rig.AcknowledgedAsync();
        _rig.Clock.Advance(TimeSpan.FromHours(1));
        for (var i = 0; i < 3; i++)
        {
            var frame = Frames.Make(Frames.Text, 1000 + i, masked: !clientFirst);
            await StreamRig.SendAsync(goesOn, frame);
            Assert.Equal(frame, await StreamRig.ReceiveAsync(ends, frame.Length));
        }

        goesOn.Dispose();
        Assert.Empty(await StreamRig.ReceiveToEndAsync(ends));
        Assert.Equal(clientFirst ? StreamCloseReason.ClientClosed : StreamCloseReason.BackendClosed, (await run.Soon()).Reason);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task AResetOnOneSideResetsTheOther(bool clientResets)
    {
        var (client, backend, run) = await _rig.StartAsync();
        StreamRig.Reset(clientResets ? client : backend);
        await StreamRig.AssertResetAsync(clientResets ? backend : client);
        Assert.Equal(clientResets ? StreamCloseReason.ClientAborted : StreamCloseReason.BackendAborted, (await run.Soon()).Reason);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task AResetIsNoticedWhileTheOtherSideDoesNotRead(bool clientResets)
    {
        var (client, backend, run) = await _rig.StartAsync(StreamFraming.Raw, buffers: 16 * 1024);
        var (sender, reader) = clientResets ? (client, backend) : (backend, client);

        // Nobody reads from the sender any more once its own sends stop making progress.
        sender.Blocking = false;
        var piece = new byte[64 * 1024];
        SocketError error;
        do
        {
            sender.Send(piece, SocketFlags.None, out error);
        }
        while (error != SocketError.WouldBlock || sender.Poll(300_000, SelectMode.SelectWrite));

        StreamRig.Reset(sender);
        var report = await _rig.AdvanceUntilAsync(run);
        Assert.Equal(clientResets ? StreamCloseReason.ClientAborted : StreamCloseReason.BackendAborted, report.Reason);
        await StreamRig.AssertResetAsync(reader);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task AnEndInTheMiddleOfAFrameIsAnAbort(bool clientEnds)
    {
        var (client, backend, run) = await _rig.StartAsync();
        var (ends, other) = clientEnds ? (client, backend) : (backend, client);
        await StreamRig.SendAsync(ends, Frames.Make(Frames.Text, 100, masked: clientEnds)[..50]);
        ends.Shutdown(SocketShutdown.Send);
        await StreamRig.AssertResetAsync(other);
        var report = await run.Soon();
        Assert.Equal(clientEnds ? StreamCloseReason.ClientCutMidFrame : StreamCloseReason.BackendCutMidFrame, report.Reason);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task BytesThatAreNoFramesEndTheStreamBothWays(bool clientSends)
    {
        var (client, backend, run) = await _rig.StartAsync();
        await StreamRig.SendAsync(clientSends ? client : backend, [0x83, 0x00]);
        var report = await run.Soon();
        Assert.Equal(clientSends ? StreamCloseReason.ClientProtocolError : StreamCloseReason.BackendProtocolError, report.Reason);
        await StreamRig.AssertResetAsync(clientSends ? backend : client);
    }

    [Fact]
    public async Task RawStreamsCarryAnything()
    {
        var (client, backend, run) = await _rig.StartAsync(StreamFraming.Raw);
        await StreamRig.SendAsync(client, [0x83, 0x00, 0xFF]);
        client.Shutdown(SocketShutdown.Send);
        Assert.Equal([0x83, 0x00, 0xFF], await StreamRig.ReceiveToEndAsync(backend));
        backend.Dispose();
        Assert.Equal(StreamCloseReason.ClientClosed, (await run.Soon()).Reason);
    }

    [Fact]
    public async Task AfterBothCloseFramesTheConnectionsMayLingerTenSeconds()
    {
        var (client, backend, run) = await _rig.StartAsync();
        var close = Frames.CloseWith(1000, masked: false);
        await StreamRig.SendAsync(backend, close);
        Assert.Equal(close, await StreamRig.ReceiveAsync(client, close.Length));
        _rig.Clock.Advance(TimeSpan.FromMinutes(5));
        Assert.False(run.IsCompleted);
        await StreamRig.SendAsync(client, Frames.CloseWith(1000, masked: true));
        await StreamRig.ReceiveAsync(backend, 8);
        var report = await _rig.AdvanceUntilAsync(run);
        Assert.Equal(StreamCloseReason.LingerExpired, report.Reason);
        Assert.Equal((1000, 1000), (report.ClientCloseCode, report.BackendCloseCode));
        await StreamRig.AssertResetAsync(client);
    }

    [Fact]
    public async Task ASlowReaderSlowsItsSenderAndLosesNothing()
    {
        const int Pieces = 600;
        var (client, backend, run) = await _rig.StartAsync(buffers: 32 * 1024);
        var frame = Frames.Make(Frames.Binary, 32_000, masked: false);
        long sent = 0;
        var bulkTransfer = Task.Run(async () =>
        {
            for (var i = 0; i < Pieces; i++)
            {
                await StreamRig.SendAsync(backend, frame);
                Interlocked.Add(ref sent, frame.Length);
            }

            backend.Shutdown(SocketShutdown.Send);
        }, TestContext.Current.CancellationToken);

        for (long i = 0; i < Pieces; i++)
        {
            Assert.Equal(frame, await StreamRig.ReceiveAsync(client, frame.Length));
            Assert.InRange(Interlocked.Read(ref sent) - (i * frame.Length), 0, 1024 * 1024);
        }

        await bulkTransfer.Soon();
        client.Dispose();
        Assert.Equal(Pieces * (long)frame.Length, (await run.Soon()).BytesToClient);
    }

    [Fact]
    public async Task TheHostEndsAStreamAtOnce()
    {
        using var abort = new CancellationTokenSource();
        _rig.HostAbort = abort.Token;
        var (client, backend, run) = await _rig.StartAsync();
        await abort.CancelAsync();
        Assert.Equal(StreamCloseReason.HostAborted, (await run.Soon()).Reason);
        await StreamRig.AssertResetAsync(client);
        await StreamRig.AssertResetAsync(backend);
    }

    [Fact]
    public async Task ACancelledReadIsAHintAndNotTheEnd()
    {
        var (nearClient, client) = await Loopback.PairAsync();
        var (nearBackend, backend) = await Loopback.PairAsync();
        var transport = new SocketTransport(nearClient);
        var run = _rig.Run(transport, new SocketTransport(nearBackend), StreamFraming.WebSocket, StreamKind.Other);
        transport.Input.CancelPendingRead();
        var frame = Frames.Make(Frames.Text, 10, masked: true);
        await StreamRig.SendAsync(client, frame);
        Assert.Equal(frame, await StreamRig.ReceiveAsync(backend, frame.Length));
        client.Dispose();
        backend.Dispose();
        await run.Soon();
    }
}
