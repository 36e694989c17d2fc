using Tailnet.Ip.Tcp;
using Tailnet.Ip.Wire;

namespace Tailnet.Tests.Ip;

/// <summary>The sending half, segment by segment: losses, time-outs and windows.</summary>
public class SenderTests
{
    private const long Millisecond = 1000;
    private const long Second = 1000 * Millisecond;
    private const int Full = 1208;

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
    public void ARepeatThatIsLostIsRepeatedWithoutATimeout()
    {
        var peer = new RawPeer().Establish();
        peer.Write(new byte[20 * Full]);
        Assert.Equal(10, peer.TakeAll().Count);
        peer.Advance(5 * Millisecond);
        peer.Send(1, 1, TcpFlags.Ack, [], 512, [(1 + Full, 1 + (10 * Full))]);
        var sent = peer.TakeAll();
        Assert.Equal(1u, sent[0].Sequence);
        Assert.Equal(5, sent.Count);

        // Three segments that were sent after the repeat are there, and it is not.
        peer.Advance(5 * Millisecond);
        peer.Send(1, 1, TcpFlags.Ack, [], 512, [(1 + Full, 1 + (12 * Full))]);
        Assert.DoesNotContain(peer.TakeAll(), static segment => segment.Sequence == 1);
        peer.Send(1, 1, TcpFlags.Ack, [], 512, [(1 + Full, 1 + (13 * Full))]);
        Assert.Equal((1u, Full), (peer.Take() is var again ? again.Sequence : 0, again.Payload.Length));
        Assert.Equal((2, 0), (peer.Context.Counters.FastRetransmits, peer.Context.Counters.TimeoutRetransmits));
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
}
