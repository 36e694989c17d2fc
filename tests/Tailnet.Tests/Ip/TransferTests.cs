using Tailnet.Ip;
using Tailnet.Ip.Tcp;
using Tailnet.Ip.Wire;

namespace Tailnet.Tests.Ip;

/// <summary>The receiving half, segment by segment; and what bounds both.</summary>
public class TransferTests
{
    private const long Millisecond = 1000;
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
        const int Share = 1024 * 1024;
        var peer = new RawPeer();
        var streams = Enumerable.Range(0, 6).Select(_ => peer.Establish().Stream).ToList();
        var data = new byte[200_000];
        for (var round = 0; round < 60; round++)
        {
            foreach (var stream in streams)
            {
                // Acknowledgments of everything open the congestion windows.
                _ = stream.WriteAsync(data).AsTask();
                peer.Settle();
                AcknowledgeAll(peer, stream);
                AcknowledgeAll(peer, stream);
                while (stream.Connection.Sender!.Buffered > 0)
                {
                    AcknowledgeAll(peer, stream);
                }
            }
        }

        foreach (var stream in streams)
        {
            Assert.True(stream.WriteAsync(data).AsTask().IsCompletedSuccessfully);
        }

        peer.Settle();
        Assert.InRange(InFlight(streams), Share - 1500, Share);
        Assert.Contains(streams, static stream => stream.Connection.Sender!.HasUnsent);

        // What is acknowledged on one connection lets the others send.
        AcknowledgeAll(peer, streams[0]);
        Assert.DoesNotContain(streams, static stream => stream.Connection.Sender!.HasUnsent);
        streams[1].Abort();
        streams[2].Dispose();
        peer.Settle();
        var open = streams.Where(static stream => stream.Connection.State == TcpState.Established).ToList();
        open.ForEach(stream => AcknowledgeAll(peer, stream));
        Assert.Equal((4, 0L), (open.Count, InFlight(open)));
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
                    HasTimestamps = random.Next(8) > 0,
                    TimestampValue = (uint)random.Next(1000),
                    TimestampEcho = (uint)random.NextInt64(),
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

    private static long InFlight(IEnumerable<TcpStream> streams) => streams.Sum(static stream => stream.Connection.Sender!.InFlight);

    private static void AcknowledgeAll(RawPeer peer, TcpStream stream)
    {
        var header = new TcpHeader(2, stream.Connection.LocalPort, 0xffff_fff1, stream.Connection.Sender!.Next, TcpFlags.Ack, 8000);
        var options = new TcpOptions { HasTimestamps = true, TimestampValue = 1, TimestampEcho = 1 };
        Assert.Equal(PacketVerdict.Taken, peer.Deliver(RawPeer.Packet(header, options, [])));
    }
}
