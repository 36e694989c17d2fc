using System.Net.Sockets;
using Relay.Streams;
using Relay.Streams.Resumption;

namespace Relay.Tests.Streams;

/// <summary>One side closes while the other does not read: the relay has to look for that end behind unread bytes.</summary>
public sealed class StalledReaderTests : IAsyncDisposable
{
    // More than a peer with small buffers takes before it reads; less than the kernel keeps for the relay, so that the end comes through.
    private const int Length = 100 * 1024;
    private const int Buffers = 4096;

    private readonly StreamRig _rig = new();

    public async ValueTask DisposeAsync() => await _rig.DisposeAsync();

    [Theory]
    [InlineData(true, AddressFamily.InterNetwork, StreamCloseReason.ClientStalled)]
    [InlineData(true, AddressFamily.Unix, StreamCloseReason.ClientStalled)]
    [InlineData(false, AddressFamily.InterNetwork, StreamCloseReason.BackendStalled)]
    public async Task AStreamEndsWhenThePeerTakesNothingOfWhatTheOtherSideLeft(
        bool toClient, AddressFamily family, StreamCloseReason reason)
    {
        var (nearReader, reader) = await Loopback.PairAsync(Buffers);
        var (nearWriter, writer) = await PairAsync(family);
        using var held = reader;
        var run = Run(nearReader, nearWriter, toClient);
        await StreamRig.SendAsync(writer, Frames.Make(Frames.Text, Length, masked: !toClient));
        writer.Dispose();
        await Eventually.TrueAsync(() => SocketEnd.HasCome(nearWriter), "the end has come");
        var start = _rig.Clock.GetUtcNow();

        Assert.Equal(reason, (await _rig.AdvanceUntilAsync(run)).Reason);
        Assert.True(_rig.Clock.GetUtcNow() - start >= new StreamRelayOptions().StalledReader);
        await StreamRig.AssertResetAsync(reader);
    }

    [Theory]
    [InlineData(true, AddressFamily.InterNetwork, StreamCloseReason.ClientStalled)]
    [InlineData(true, AddressFamily.Unix, StreamCloseReason.ClientStalled)]
    [InlineData(false, AddressFamily.InterNetwork, StreamCloseReason.BackendStalled)]
    public async Task TheSameWhenTheKernelHoldsAllOfItForThePeer(bool toClient, AddressFamily family, StreamCloseReason reason)
    {
        var (nearReader, reader) = await Loopback.PairAsync(Buffers);
        nearReader.SendBufferSize = 4 * Length;
        var (nearWriter, writer) = await PairAsync(family);
        using var held = reader;
        var run = Run(nearReader, nearWriter, toClient);
        var frame = Frames.Make(Frames.Text, Length, masked: !toClient);
        await StreamRig.SendAsync(writer, frame);
        writer.Dispose();

        // The relay has read the end, and passed it on.
        var direction = toClient ? "to_client" : "to_backend";
        await Eventually.TrueAsync(() => _rig.Meters.Sum("edge.streams.bytes", direction) == frame.Length, "all is handed on");
        var start = _rig.Clock.GetUtcNow();

        Assert.Equal(reason, (await _rig.AdvanceUntilAsync(run)).Reason);
        Assert.True(_rig.Clock.GetUtcNow() - start >= new StreamRelayOptions().StalledReader);
        await StreamRig.AssertResetAsync(reader);
    }

    [Fact]
    public async Task APeerThatHasTakenTheEndMayStayForAsLongAsItLikes()
    {
        var (client, backend, run) = await _rig.StartAsync();
        var last = Frames.Make(Frames.Text, Length, masked: false);
        await StreamRig.SendAsync(backend, last);
        backend.Shutdown(SocketShutdown.Send);
        Assert.Equal(last, await StreamRig.ReceiveToEndAsync(client));

        await _rig.AcknowledgedAsync();
        for (var i = 0; i < 1000; i++)
        {
            _rig.Clock.Advance(TimeSpan.FromSeconds(4));
        }

        var frame = Frames.Make(Frames.Text, 10, masked: true);
        await StreamRig.SendAsync(client, frame);
        Assert.Equal(frame, await StreamRig.ReceiveAsync(backend, frame.Length));
        client.Shutdown(SocketShutdown.Send);
        Assert.Equal(StreamCloseReason.BackendClosed, (await run.Soon()).Reason);
    }

    [Fact]
    public async Task AResetBehindUnreadBytesEndsTheStreamAtOnce()
    {
        var (nearReader, reader) = await Loopback.PairAsync(Buffers);
        var (nearWriter, writer) = await Loopback.PairAsync();
        using var held = reader;
        var run = Run(nearReader, nearWriter, toClient: true);
        await StreamRig.SendAsync(writer, Frames.Make(Frames.Text, Length, masked: false));
        StreamRig.Reset(writer);
        await Eventually.TrueAsync(() => SocketEnd.HasCome(nearWriter), "the end has come");

        Assert.Equal(StreamCloseReason.BackendAborted, (await _rig.AdvanceUntilAsync(run)).Reason);
    }

    [Fact]
    public async Task APeerMayPauseForAsLongAsItLikesWhileTheOtherSideIsThere()
    {
        var (nearReader, reader) = await Loopback.PairAsync(Buffers);
        var (nearWriter, writer) = await Loopback.PairAsync();
        using var held = reader;
        var run = Run(nearReader, nearWriter, toClient: true);
        var frame = Frames.Make(Frames.Text, Length, masked: false);
        await StreamRig.SendAsync(writer, frame);

        for (var i = 0; i < 1000; i++)
        {
            _rig.Clock.Advance(TimeSpan.FromSeconds(4));
        }

        Assert.Equal(frame, await StreamRig.ReceiveAsync(reader, frame.Length));
        writer.Dispose();
        Assert.Empty(await StreamRig.ReceiveToEndAsync(reader));
        reader.Shutdown(SocketShutdown.Send);
        Assert.Equal(StreamCloseReason.BackendClosed, (await run.Soon()).Reason);
    }

    [Fact]
    public async Task AnEndDoesNotCutOffAPeerThatReadsSlowly()
    {
        var (nearReader, reader) = await Loopback.PairAsync(Buffers);
        var (nearWriter, writer) = await Loopback.PairAsync();
        using var held = reader;
        var run = Run(nearReader, nearWriter, toClient: true);
        var frame = Frames.Make(Frames.Text, Length, masked: false);
        await StreamRig.SendAsync(writer, frame);
        writer.Dispose();
        await Eventually.TrueAsync(() => SocketEnd.HasCome(nearWriter), "the end has come");

        var got = new MemoryStream();
        while (got.Length < frame.Length)
        {
            // The reader takes what the kernel has, and then nothing for most of the limit.
            for (var i = 0; i < 6; i++)
            {
                _rig.Clock.Advance(TimeSpan.FromSeconds(4));
            }

            got.Write(await StreamRig.ReceiveAsync(reader, (int)Math.Min(8 * 1024, frame.Length - got.Length)));
        }

        Assert.Equal(frame, got.ToArray());
        Assert.Empty(await StreamRig.ReceiveToEndAsync(reader));
        reader.Shutdown(SocketShutdown.Send);
        Assert.Equal(StreamCloseReason.BackendClosed, (await run.Soon()).Reason);
    }

    [Fact]
    public async Task ATerminalThatOutlivesServersEndsWhenItsClientTakesNothingAfterTheServersEnd()
    {
        var (client, server) = (new PipeTransport(), new PipeTransport());
        var terminal = new ResumableServer(
            server,
            static _ => throw new InvalidOperationException("not lost yet"),
            new ResumeOptions(),
            new StreamMetrics(_rig.Meters),
            _rig.Clock);
        var run = _rig.Run(client, terminal, StreamFraming.WebSocket, StreamKind.Other);
        _ = server.Send.WriteAsync(Frames.Make(Frames.Binary, 200 * 1024, masked: false), TestContext.Current.CancellationToken).AsTask();
        for (var i = 0; i < 100; i++)
        {
            _rig.Clock.Advance(TimeSpan.FromSeconds(4));
        }

        Assert.False(run.IsCompleted);
        server.Ended = true;
        Assert.Equal(StreamCloseReason.ClientStalled, (await _rig.AdvanceUntilAsync(run)).Reason);
    }

    [Theory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.Unix)]
    public async Task AnEndIsSeenBehindBytesAndBytesAreNoEnd(AddressFamily family)
    {
        var (near, far) = await PairAsync(family);
        using (near)
        using (far)
        {
            Assert.False(SocketEnd.HasCome(near));
            await StreamRig.SendAsync(far, [1, 2, 3]);
            Assert.False(SocketEnd.HasCome(near));
            far.Shutdown(SocketShutdown.Send);
            await Eventually.TrueAsync(() => SocketEnd.HasCome(near), "the end has come");
            Assert.Equal([1, 2, 3], await StreamRig.ReceiveAsync(near, 3));
            near.Dispose();
            Assert.True(SocketEnd.HasCome(near));
        }
    }

    private Task<StreamReport> Run(Socket nearReader, Socket nearWriter, bool toClient)
    {
        var (reader, writer) = (new SocketTransport(nearReader), new SocketTransport(nearWriter));
        return toClient
            ? _rig.Run(reader, writer, StreamFraming.WebSocket, StreamKind.Other)
            : _rig.Run(writer, reader, StreamFraming.WebSocket, StreamKind.Other);
    }

    private static async Task<(Socket Near, Socket Far)> PairAsync(AddressFamily family)
    {
        if (family is not AddressFamily.Unix)
        {
            return await Loopback.PairAsync();
        }

        using var directory = new TemporaryDirectory();
        var address = new UnixDomainSocketEndPoint(directory.File("s"));
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(address);
        listener.Listen();
        var near = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await near.ConnectAsync(address);
        return (near, await listener.AcceptAsync());
    }
}
