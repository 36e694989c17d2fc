using System.Buffers.Binary;
using System.Net.Sockets;
using Relay.Streams;

namespace Relay.Tests.Streams;

/// <summary>Who counts as vanished; that it is found over a link that goes down is in suites/Liveness.</summary>
public sealed class VanishedPeerTests
{
    private static readonly TimeSpan Period = new StreamRelayOptions().LivenessPeriod;

    [Fact]
    public void OneThatAcknowledgesNothingIsGoneAfterHalfAMinute()
    {
        // The last acknowledgement came 10 s before the lost bytes, just then, or long before.
        Assert.InRange(GoneAfter(static t => Owing(t + 10)), 20, 24);
        Assert.InRange(GoneAfter(static t => Owing(t)), 30, 34);
        Assert.InRange(GoneAfter(static t => Owing(t + 3_600)), 16, 20);
    }

    [Fact]
    public void OneThatWasSilentForAnHourHasTimeToAcknowledge()
    {
        Assert.Equal(0, GoneAfter(static t => t < 15 ? Owing(t + 3_600) : Calm(t - 15)));
        Assert.Equal(0, GoneAfter(static t => t % 8 == 0 ? Owing(3_600 + t) : Calm(3_600 + t)));
    }

    [Fact]
    public void OneThatAnswersNowAndThenLivesThoughBytesWait()
    {
        // The peer acknowledges at least every 14 s, but never all bytes.
        Assert.Equal(0, GoneAfter(static t => Owing(t % 14)));

        // A zero window on an old kernel: the window probe of every two minutes is answered.
        Assert.Equal(0, GoneAfter(static t => Owing(t % 120) with { RetransmitTimeout = TimeSpan.FromSeconds(120) }));
    }

    [Fact]
    public void OneThatLeavesQuestionsAboutItsWindowOpenIsGone() =>
        Assert.InRange(
            GoneAfter(static t => new TcpState(0, (byte)(1 + (t / 5)), TimeSpan.FromSeconds(t + 5), TimeSpan.FromMilliseconds(200))),
            25,
            30);

    [Fact]
    public async Task TheKernelTellsOfAPeerThatOwesNothing()
    {
        var (near, far) = await Loopback.PairAsync();
        using (near)
        using (far)
        {
            TcpLiveness.Apply(near);
            await StreamRig.SendAsync(near, [1]);
            await StreamRig.ReceiveAsync(far, 1);
            await StreamRig.SendAsync(far, [2]);
            await StreamRig.ReceiveAsync(near, 1);
            Assert.True(TcpState.TryRead(near, out var state));
            Assert.Equal((0u, (byte)0), (state.Unacknowledged, state.Unanswered));
            Assert.InRange(state.SinceAck, TimeSpan.Zero, TimeSpan.FromSeconds(60));
            Assert.InRange(state.RetransmitTimeout, TimeSpan.FromMilliseconds(1), TimeSpan.FromSeconds(5));
            Assert.False(new VanishedPeer().IsGone(near, TimeSpan.FromDays(1)));
            far.Dispose();
            near.Dispose();
            Assert.False(TcpState.TryRead(near, out _));
        }
    }

    [Fact]
    public void UnixSocketsDoNotVanish()
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        Assert.False(TcpState.TryRead(socket, out _));
    }

    [Fact]
    public void TriesToSendAgainComeAtLeastEvery5SecondsWhereTheKernelCan()
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        TcpLiveness.Apply(socket);
        if (OperatingSystem.IsLinux() && Environment.OSVersion.Version >= new Version(6, 15))
        {
            var value = new byte[4];
            socket.GetRawSocketOption(TcpLiveness.TcpLevel, TcpLiveness.LongestRetransmitOption, value);
            Assert.Equal(5_000, BinaryPrimitives.ReadInt32LittleEndian(value));
        }
    }

    [Theory]
    [InlineData(true, StreamCloseReason.ClientAborted)]
    [InlineData(false, StreamCloseReason.BackendAborted)]
    public async Task AStreamWhosePeerVanishedIsEnded(bool isClient, StreamCloseReason reason)
    {
        await using var rig = new StreamRig();
        var (client, backend) = (new PipeTransport(), new PipeTransport());
        var run = rig.Run(client, backend, StreamFraming.WebSocket, StreamKind.Other);
        rig.Clock.Advance(Period);
        Assert.False(run.IsCompleted);
        (isClient ? client : backend).Vanished = true;
        rig.Clock.Advance(Period);
        Assert.Equal(reason, (await run.Soon()).Reason);
        await client.Aborted.Soon();
        await backend.Aborted.Soon();
    }

    private static TcpState Owing(double sinceAck) => new(3, 0, TimeSpan.FromSeconds(sinceAck), TimeSpan.FromMilliseconds(400));

    private static TcpState Calm(double sinceAck) => new(0, 0, TimeSpan.FromSeconds(sinceAck), TimeSpan.FromMilliseconds(400));

    /// <summary>The seconds until it is taken for gone when looked at every period; 0 for not within ten minutes.</summary>
    private static double GoneAfter(Func<double, TcpState> at)
    {
        var peer = new VanishedPeer();
        for (var t = TimeSpan.Zero; t < TimeSpan.FromMinutes(10); t += Period)
        {
            if (peer.IsGone(at(t.TotalSeconds), t))
            {
                return t.TotalSeconds;
            }
        }

        return 0;
    }
}
