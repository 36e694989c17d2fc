using Tailnet.Ip;
using Tailnet.Ip.Tcp;
using Tailnet.Ip.Wire;

namespace Tailnet.Tests.Ip;

/// <summary>Data, acknowledgments, windows and losses, segment by segment.</summary>
public class TransferTests
{
    private const long Millisecond = 1000;
    private const long Second = 1000 * Millisecond;
    private const int Full = 1208;

    [Fact]
    public void EverySecondSegmentIsAcknowledgedAtOnceAndOneAloneLater()
    {
        var peer = new RawPeer().Establish();
        peer.Send(1, 1, TcpFlags.Ack, new byte[Full]);
        Assert.Equal(0, peer.Waiting);
        peer.Send(1 + Full, 1, TcpFlags.Ack, new byte[Full]);
        Assert.Equal((TcpFlags.Ack, 1u, 1u + (2 * Full)), RawPeer.Headline(peer.Take()));
        peer.Send(1 + (2 * Full), 1, TcpFlags.Ack, new byte[Full]);
        Assert.Equal(0, peer.Waiting);
        peer.Advance(20 * Millisecond);
        Assert.Equal(1u + (3 * Full), peer.Take().Acknowledgment);
    }

    [Fact]
    public void APushedSegmentIsAcknowledgedAtOnce()
    {
        var peer = new RawPeer().Establish();
        peer.Send(1, 1, TcpFlags.Ack | TcpFlags.Psh, "x"u8);
        Assert.Equal(2u, peer.Take().Acknowledgment);
    }

    [Fact]
    public void ABatchHasOneAcknowledgment()
    {
        var peer = new RawPeer().Establish();
        var port = peer.Connection.LocalPort;
        for (uint i = 0; i < 20; i++)
        {
            var header = new TcpHeader(2, port, 0xffff_fff1 + (i * Full), InitialOf(peer), TcpFlags.Ack, 512);
            var options = new TcpOptions { HasTimestamps = true, TimestampValue = 1, TimestampEcho = 1 };
            Assert.Equal(PacketVerdict.Taken, peer.Deliver(RawPeer.Packet(header, options, new byte[Full]), settle: false));
        }

        peer.Settle();
        Assert.Equal(1u + (20 * Full), peer.Take().Acknowledgment);
        Assert.Equal(0, peer.Waiting);
    }

    [Fact]
    public void DataOutOfOrderIsReportedNewestFirst()
    {
        var peer = new RawPeer().Establish();
        foreach (var at in (uint[])[11, 31, 51, 71])
        {
            peer.Send(at, 1, TcpFlags.Ack, new byte[5]);
        }

        var ack = peer.TakeAll()[^1];
        Assert.Equal((1u, 3), (ack.Acknowledgment, ack.Options.SackCount));
        Assert.Equal([71u, 51u, 31u], Enumerable.Range(0, 3).Select(i => ack.Options[i].Start - 0xffff_fff0));
        peer.Send(1, 1, TcpFlags.Ack, new byte[10]);
        ack = peer.Take();
        Assert.Equal((16u, 3), (ack.Acknowledgment, ack.Options.SackCount));
    }

    [Fact]
    public void APeerWithoutSackGetsADuplicateForEachSegmentOutOfOrder()
    {
        var peer = new RawPeer().Establish(sack: false);
        peer.Send(11, 1, TcpFlags.Ack, new byte[5]);
        peer.Send(16, 1, TcpFlags.Ack, new byte[5]);
        peer.Send(21, 1, TcpFlags.Ack, new byte[5]);
        Assert.Equal([1u, 1u, 1u], peer.TakeAll().Select(static ack => ack.Acknowledgment));
    }

    [Fact]
    public void OverlapsWithOtherContentChangeNothingThatIsHere()
    {
        var peer = new RawPeer().Establish();
        peer.Send(4, 1, TcpFlags.Ack, "defg"u8);
        peer.Send(3, 1, TcpFlags.Ack, "CDEFGHI"u8);
        peer.Send(1, 1, TcpFlags.Ack, "abXYZ"u8);
        Assert.Equal("abCdefgHI"u8.ToArray(), peer.Read());
        peer.Send(1, 1, TcpFlags.Ack | TcpFlags.Psh, "zzzzzzzzzj"u8);
        Assert.Equal("j"u8.ToArray(), peer.Read());
    }

    [Fact]
    public void ManySmallRangesDropTheOldest()
    {
        var peer = new RawPeer().Establish();
        for (uint i = 0; i < 500; i++)
        {
            peer.Send(3 + (2 * i), 1, TcpFlags.Ack, [(byte)i]);
        }

        Assert.Equal(TcpTimes.MaxRanges, peer.Connection.Receiver!.Ranges);
        for (uint i = 0; i < 501; i++)
        {
            peer.Send(1 + (2 * i), 1, TcpFlags.Ack, [77]);
            peer.Send(2 + (2 * i), 1, TcpFlags.Ack, [78]);
        }

        Assert.Equal(1002, peer.Read().Length);
        Assert.Equal(0, peer.Connection.Receiver.Ranges);
    }

    [Fact]
    public void OldDataIsAcknowledgedAgain()
    {
        var peer = new RawPeer().Establish();
        peer.Send(1, 1, TcpFlags.Ack | TcpFlags.Psh, "abc"u8);
        peer.TakeAll();
        peer.Send(1, 1, TcpFlags.Ack | TcpFlags.Psh, "abc"u8);
        Assert.Equal(4u, peer.Take().Acknowledgment);
        Assert.Equal("abc"u8.ToArray(), peer.Read());
    }

    [Fact]
    public void ProbesBelowTheWindowAreAnsweredAndTheirByteIsThrownAway()
    {
        var peer = new RawPeer().Establish();
        peer.Send(0, 1, TcpFlags.Ack, "!"u8);
        Assert.Equal(1u, peer.Take().Acknowledgment);
        peer.Send(0, 1);
        Assert.Equal(1u, peer.Take().Acknowledgment);
        Assert.Equal(0, peer.Connection.Readable);
    }

    [Fact]
    public void SegmentsWithoutDataOutOfTheWindowAreAnsweredTwiceASecond()
    {
        var peer = new RawPeer().Establish();
        for (var i = 0; i < 100; i++)
        {
            peer.Send(0, 1);
            peer.Send(900_000, 1);
            peer.Advance(10 * Millisecond);
        }

        Assert.Equal(2, peer.TakeAll().Count);
    }

    [Fact]
    public void DataBeyondTheWindowIsCutOff()
    {
        var peer = new RawPeer().Establish(TcpSettings.Http with { ReceiveWindow = 4096 });
        for (uint i = 0; i < 5; i++)
        {
            peer.Send(1 + (i * 1000), 1, TcpFlags.Ack, new byte[1000]);
        }

        peer.Advance(20 * Millisecond);
        var ack = peer.TakeAll()[^1];
        Assert.Equal((4097u, 0), (ack.Acknowledgment, ack.Window));
        Assert.Equal(4096, peer.Connection.Readable);
        peer.Send(4097, 1, TcpFlags.Ack, new byte[1000]);
        Assert.Equal((4097u, 0), (peer.Take() is var again ? again.Acknowledgment : 0, again.Window));
        Assert.InRange(peer.Context.Buffers.Held, 4096, 3 * 4096);
    }

    [Fact]
    public void ReadingOpensTheWindowInLargeSteps()
    {
        var peer = new RawPeer().Establish(TcpSettings.Http with { ReceiveWindow = 8192 });
        for (uint i = 0; i < 8; i++)
        {
            peer.Send(1 + (i * 1024), 1, TcpFlags.Ack, new byte[1024]);
        }

        Assert.Equal(0, peer.TakeAll()[^1].Window);
        Assert.Equal(100, peer.Read(100).Length);
        Assert.Equal(0, peer.Waiting);
        Assert.Equal(2400, peer.Read(2400).Length);
        Assert.Equal(2500 / 128, peer.Take().Window);
        Assert.Equal(8192 - 2500, peer.Read().Length);
        Assert.Equal(8192 / 128, peer.Take().Window);
    }

    [Fact]
    public void AnOldTimestampIsDroppedAndAcknowledged()
    {
        var peer = new RawPeer().Establish();
        peer.Advance(100 * Millisecond);
        peer.Send(1, 1, TcpFlags.Ack | TcpFlags.Psh, "a"u8);
        peer.TakeAll();
        peer.Timestamp = 50;
        peer.Send(2, 1, TcpFlags.Ack | TcpFlags.Psh, "b"u8);
        Assert.Equal(2u, peer.Take().Acknowledgment);
        Assert.Equal(1, peer.Connection.Readable);
        peer.HasTimestamps = false;
        peer.Send(2, 1, TcpFlags.Ack | TcpFlags.Psh, "b"u8);
        Assert.Equal((0, 1), (peer.Waiting, peer.Connection.Readable));
    }

    [Fact]
    public void AcknowledgmentsOfWhatWasNeverSentChangeNothing()
    {
        var peer = new RawPeer().Establish();
        peer.Write(new byte[100]);
        peer.TakeAll();
        peer.Send(1, 102);
        Assert.Equal((TcpFlags.Ack, 101u), (peer.Take() is var challenge ? challenge.Flags : 0, challenge.Sequence));
        peer.Send(1, 0xf000_0000);
        peer.Send(1, 101 + 0x8000_0000);
        Assert.Equal(100, peer.Connection.Sender!.InFlight);
        peer.Send(1, 101);
        Assert.Equal(0, peer.Connection.Sender.InFlight);
    }

    [Fact]
    public void ForgedSackBlocksChangeNothing()
    {
        var peer = new RawPeer().Establish();
        peer.Write(new byte[3 * Full]);
        Assert.Equal(3, peer.TakeAll().Count);
        (uint, uint)[] forged = [(2 + (3 * Full), 9000), (100, 50), (0, 1), (0x8000_0000, 0x9000_0000), (1, 1 + (3 * Full))];
        foreach (var block in forged)
        {
            peer.Send(1, 1, TcpFlags.Ack, [], 512, [block]);
        }

        Assert.Equal(0, peer.Waiting);
        Assert.Equal(3 * Full, peer.Connection.Sender!.InFlight);
        peer.Advance(2 * Second);
        Assert.Contains(peer.TakeAll(), static segment => segment.Sequence == 1 && segment.Payload.Length == Full);
    }

    [Fact]
    public void ThreeSegmentsBeyondAHoleRepeatIt()
    {
        var peer = new RawPeer().Establish();
        peer.Write(new byte[5 * Full]);
        Assert.Equal(5, peer.TakeAll().Count);
        peer.Advance(5 * Millisecond);
        peer.Send(1, 1, TcpFlags.Ack, [], 512, [(1 + Full, 1 + (4 * Full))]);
        var repeated = peer.Take();
        Assert.Equal((1u, Full), (repeated.Sequence, repeated.Payload.Length));
        Assert.Equal(0, peer.Waiting);
        Assert.Equal((1, 0), (peer.Context.Counters.FastRetransmits, peer.Context.Counters.TimeoutRetransmits));
        peer.Send(1, 1 + (5 * Full));
        Assert.Equal(0, peer.Connection.Sender!.InFlight);
    }

    [Fact]
    public void ThreeDuplicatesRepeatTheFirstSegmentWithoutSack()
    {
        var peer = new RawPeer().Establish(sack: false);
        peer.Send(1, 1);
        peer.Write(new byte[8 * Full]);
        Assert.Equal(8, peer.TakeAll().Count);
        peer.Advance(5 * Millisecond);
        peer.Send(1, 1);
        peer.Send(1, 1);
        Assert.Equal(0, peer.Waiting);
        peer.Send(1, 1);
        Assert.Equal((1u, Full), (peer.Take() is var first ? first.Sequence : 0, first.Payload.Length));

        // A partial acknowledgment repeats the next one at once (RFC 6582).
        peer.Send(1, 1 + (2 * Full));
        Assert.Equal(1u + (2 * Full), peer.Take().Sequence);
        peer.Send(1, 1 + (8 * Full));
        Assert.Equal(0, peer.Waiting);
    }

    [Fact]
    public void TheTailIsProbedLongBeforeTheTimeout()
    {
        var peer = new RawPeer().Establish();
        peer.Write("x"u8);
        peer.Advance(5 * Millisecond);
        peer.Take();
        peer.Send(1, 2);
        peer.Write("key"u8);
        peer.Take();
        peer.Advance(9 * Millisecond);
        Assert.Equal(0, peer.Waiting);
        peer.Advance(30 * Millisecond);
        Assert.Equal("key"u8.ToArray(), peer.Take().Payload);
        Assert.Equal((1, 0), (peer.Context.Counters.TailProbes, peer.Context.Counters.TimeoutRetransmits));

        // Only one probe, then the time-out.
        peer.Advance(200 * Millisecond);
        Assert.Equal(0, peer.Waiting);
        peer.Advance(300 * Millisecond);
        Assert.Equal("key"u8.ToArray(), peer.Take().Payload);
        Assert.Equal(1, peer.Context.Counters.TimeoutRetransmits);
    }

    [Fact]
    public void ALateAcknowledgmentUndoesATimeout()
    {
        var peer = new RawPeer().Establish();
        peer.Write(new byte[5 * Full]);
        var original = peer.TakeAll()[^1].Options.TimestampValue;
        var window = peer.Connection.Sender!.CongestionWindow;
        peer.Advance(800 * Millisecond);
        Assert.NotEmpty(peer.TakeAll());
        Assert.True(peer.Connection.Sender.CongestionWindow < window);
        peer.Echo = original;
        peer.Send(1, 1 + Full);
        Assert.Equal(1, peer.Context.Counters.Spurious);
        Assert.True(peer.Connection.Sender.CongestionWindow >= window);
        Assert.Equal(0, peer.Waiting);
    }

    [Fact]
    public void SilenceEndsTheConnectionAfterThirtySeconds()
    {
        var peer = new RawPeer().Establish(TcpSettings.Http);
        peer.Write("x"u8);
        peer.Advance((30 * Second) - 1);
        Assert.Equal(TcpState.Established, peer.Connection.State);
        peer.Advance(1);
        Assert.Equal((TcpCloseReason.SendTimeout, 0L), (peer.Connection.Reason, peer.Context.Buffers.Held));
        Assert.Equal(TcpFlags.Rst | TcpFlags.Ack, peer.TakeAll()[^1].Flags);
    }

    [Fact]
    public void AShutWindowIsProbedForEverWhileThePeerAnswers()
    {
        var peer = new RawPeer().Establish(TcpSettings.Http, window: 0);
        peer.Write(new byte[3000]);
        Assert.Equal(0, peer.Waiting);
        var probes = 0;
        for (var second = 0; second < 600; second++)
        {
            peer.Advance(Second);
            foreach (var probe in peer.TakeAll())
            {
                Assert.Equal((1u, 1), (probe.Sequence, probe.Payload.Length));
                probes++;
                peer.Send(1, 1, TcpFlags.Ack, [], 0);
            }
        }

        Assert.InRange(probes, 10, 20);
        peer.Send(1, 1);
        Assert.Equal(3000, peer.TakeAll().Sum(static segment => segment.Payload.Length));
        peer.Send(1, 3001);
        Assert.Equal(0, peer.Connection.Sender!.InFlight);
    }

    [Fact]
    public void AProbeThatIsTakenCounts()
    {
        var peer = new RawPeer().Establish(TcpSettings.Http, window: 0);
        peer.Write(new byte[10]);
        peer.Advance(2 * Second);
        Assert.Single(peer.TakeAll()[0].Payload);
        peer.Send(1, 2, TcpFlags.Ack, [], 512);
        Assert.Equal((2u, 9), (peer.Take() is var rest ? rest.Sequence : 0, rest.Payload.Length));
    }

    [Fact]
    public void AShutWindowOfASilentPeerEndsTheConnection()
    {
        var peer = new RawPeer().Establish(TcpSettings.Http, window: 0);
        peer.Write(new byte[10]);
        peer.Advance(40 * Second);
        Assert.Equal(TcpCloseReason.SendTimeout, peer.Connection.Reason);
        Assert.InRange(peer.TakeAll().Count, 3, 12);
    }

    [Fact]
    public void SmallWindowsAreNotFilledBitByBit()
    {
        var peer = new RawPeer().Establish(window: 10_000, scale: 0);
        peer.Write(new byte[10_000 + 5000]);
        Assert.Equal(8 * Full, peer.TakeAll().Sum(static segment => segment.Payload.Length));
        peer.Send(1, 1 + (8 * Full), TcpFlags.Ack, [], 100);
        Assert.Equal(0, peer.Waiting);

        // The rest of a window is used when nothing else happens.
        peer.Advance(Second);
        Assert.Equal(100, peer.Take().Payload.Length);
    }

    [Fact]
    public void ABlockedOutputLosesNothing()
    {
        var peer = new RawPeer().Establish();
        peer.IsBlocked = true;
        peer.Write(new byte[2000]);
        peer.Send(1, 1, TcpFlags.Ack | TcpFlags.Psh, "x"u8);
        Assert.Equal(0, peer.Waiting);
        peer.IsBlocked = false;
        peer.Settle();
        var all = peer.TakeAll();
        Assert.Equal((2000, 2u), (all.Sum(static segment => segment.Payload.Length), all[^1].Acknowledgment));
    }

    [Fact]
    public void AFullPoolMakesWritersWaitAndRefusesConnections()
    {
        var peer = new RawPeer(maxBuffered: 8192).Establish();
        var write = peer.Stream.WriteAsync(new byte[20_000]).AsTask();
        peer.Settle();
        Assert.False(write.IsCompleted);
        Assert.Equal(8192, peer.Context.Buffers.Held);
        Assert.Null(peer.Host.Connect(RawPeer.Agent, 22, TcpSettings.Http));

        uint at = 1;
        for (var i = 0; i < 100 && !write.IsCompleted; i++)
        {
            peer.Advance(60 * Millisecond);
            at = peer.TakeAll().Aggregate(at, static (most, segment) => Math.Max(most, segment.Sequence + (uint)segment.Payload.Length));
            peer.Send(1, at);
        }

        Assert.True(write.IsCompletedSuccessfully);
    }

    [Fact]
    public void ConnectionsToAnAgentShareAMebibyteInFlight()
    {
        var peer = new RawPeer();
        var streams = new List<Tailnet.Ip.Tcp.TcpStream>();
        for (var i = 0; i < 8; i++)
        {
            peer.Establish();
            streams.Add(peer.Stream);
        }

        // Each alone would keep the initial window in flight; nobody may go beyond the share of all.
        foreach (var stream in streams)
        {
            _ = stream.WriteAsync(new byte[100_000]).AsTask();
        }

        peer.Settle();
        Assert.InRange(streams.Sum(static stream => stream.Connection.Sender!.InFlight), 8 * 10 * Full, 1024 * 1024);
    }

    [Fact]
    public void MutatedSegmentsDoNoHarm()
    {
        var random = new Random(8);
        for (var round = 0; round < 50; round++)
        {
            var peer = new RawPeer().Establish(sack: round % 2 == 0);
            _ = peer.Stream.WriteAsync(new byte[20_000]).AsTask();
            peer.Settle();
            for (var i = 0; i < 400 && peer.Connection.State != TcpState.Closed; i++)
            {
                var options = new TcpOptions
                {
                    HasTimestamps = random.Next(8) > 0, TimestampValue = (uint)random.Next(1000), TimestampEcho = (uint)random.NextInt64(),
                };
                if (options.HasTimestamps && random.Next(3) == 0)
                {
                    var start = InitialOf(peer) + (uint)random.Next(30_000);
                    options.AddSack(new SackBlock(start, start + (uint)random.Next(-100, 5000)));
                }

                var flags = random.Next(20) == 0 ? (TcpFlags)random.Next(32) : TcpFlags.Ack;
                var header = new TcpHeader(
                    2, peer.Connection.LocalPort, 0xffff_fff1 + (uint)random.Next(-100, 300_000),
                    InitialOf(peer) + (uint)random.Next(-1000, 25_000), flags & ~TcpFlags.Rst, (ushort)random.Next(1000));
                peer.Deliver(RawPeer.Packet(header, options, new byte[random.Next(3) == 0 ? random.Next(1200) : 0]));
                peer.Advance(random.Next(3) == 0 ? random.Next(400_000) : 0);
                peer.TakeAll();
                Assert.True(peer.Context.Buffers.Held <= 2 * (256 + 16) * 1024);
            }

            peer.Stream.Abort();
            Assert.Equal((0, 0L), (peer.Host.Connections, peer.Context.Buffers.Held));
        }
    }

    private static uint InitialOf(RawPeer peer) => peer.Connection.Sender!.Sequence(0);
}
