using Tailnet.WireGuard;
using Tailnet.WireGuard.Wire;

namespace Tailnet.Tests.WireGuard;

/// <summary>The limits of what a peer can cost, and the errors of its owner.</summary>
public sealed class BoundTests
{
    [Fact]
    public void OnlyTheNewestPacketsWaitForASession()
    {
        using var link = new VirtualLink();
        var (a, b) = link.Pair();
        for (var i = 0; i < 40; i++)
        {
            a.SendPacket(i, 1200);
        }

        Assert.Equal(8, a.Peer.DroppedFromQueue);
        link.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(Enumerable.Range(8, 32), b.Received);
    }

    [Fact]
    public void TheBytesThatWaitAreBoundedToo()
    {
        var queue = new PacketQueue(100, 1000);
        for (var i = 1; i <= 4; i++)
        {
            queue.Add(new byte[300]);
        }

        Assert.Equal((3, 900, 1L), (queue.Count, queue.Bytes, queue.Dropped));
        queue.Add(new byte[1001]);
        Assert.Equal((3, 900, 2L), (queue.Count, queue.Bytes, queue.Dropped));
        queue.Add(new byte[1000]);
        Assert.Equal((1, 1000, 5L), (queue.Count, queue.Bytes, queue.Dropped));
        queue.Clear();
        Assert.False(queue.TryTake(out _));
        Assert.Equal((0, 0, 6L), (queue.Count, queue.Bytes, queue.Dropped));
    }

    [Fact]
    public void APeerGetsFourAnswersAtOnceThenOneASecondAndNeverTwoWithin20Milliseconds()
    {
        using var raw = new RawPeer();
        using var half = new InitiatorHalf();
        Assert.Equal(DropReason.None, raw.Give(raw.Initiation(half)));
        Assert.Equal(DropReason.RateLimited, raw.Give(raw.Initiation(half)));
        for (var i = 0; i < 3; i++)
        {
            raw.Time.Advance(TimeSpan.FromMilliseconds(20));
            Assert.Equal(DropReason.None, raw.Give(raw.Initiation(half)));
        }

        raw.Time.Advance(TimeSpan.FromMilliseconds(900));
        Assert.Equal(DropReason.RateLimited, raw.Give(raw.Initiation(half)));
        raw.Time.Advance(TimeSpan.FromMilliseconds(100));
        Assert.Equal(DropReason.None, raw.Give(raw.Initiation(half)));
        Assert.Equal(5, raw.Sent.Count);
        Assert.Equal(1, raw.Node.Indices.Count);
    }

    [Fact]
    public void AllPeersTogetherGetSoManyAnswersASecond()
    {
        using var raw = new RawPeer(new WireGuardOptions { NodeHandshakesPerSecond = 2 });
        using var half = new InitiatorHalf();
        Assert.True(raw.Node.TryTakeHandshake(raw.Time.GetTimestamp()));
        Assert.Equal(DropReason.None, raw.Give(raw.Initiation(half)));
        raw.Time.Advance(TimeSpan.FromMilliseconds(100));
        Assert.Equal(DropReason.RateLimited, raw.Give(raw.Initiation(half)));
        raw.Time.Advance(TimeSpan.FromMilliseconds(500));
        Assert.Equal(DropReason.None, raw.Give(raw.Initiation(half)));
    }

    [Theory]
    [InlineData("00")]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800")]
    public void AKeyThatGivesNoSecretIsNoPeer(string key)
    {
        using var raw = new RawPeer();
        Assert.False(raw.Node.TryAddPeer(Convert.FromHexString(key), raw, out var peer));
        Assert.Null(peer);
    }

    [Fact]
    public void APacketThatDoesNotFitIsTheCallersMistake()
    {
        using var raw = new RawPeer();
        Assert.Throws<ArgumentOutOfRangeException>(() => raw.Peer.Send(new byte[2000], 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => raw.Peer.Send(new byte[2000], WireGuardPeer.Mtu + 1));
        Assert.Throws<ArgumentException>(() => raw.Peer.Send(new byte[WireGuardPeer.BufferLength(40) - 1], 40));
        Assert.Equal(0, raw.Peer.Send(new byte[WireGuardPeer.BufferLength(WireGuardPeer.Mtu)], WireGuardPeer.Mtu));
    }

    [Fact]
    public void ADisposedPeerHoldsNoIndicesAndRefusesWork()
    {
        using var raw = new RawPeer();
        using var half = new InitiatorHalf();
        raw.Peer.Connect();
        raw.Give(raw.Response(raw.Sent.Dequeue(), out var session));
        session.Dispose();
        raw.Give(raw.Initiation(half));
        Assert.Equal(2, raw.Node.Indices.Count);

        raw.Peer.Dispose();
        raw.Peer.Dispose();
        Assert.Equal(0, raw.Node.Indices.Count);
        Assert.Throws<ObjectDisposedException>(() => raw.Give([]));
        Assert.Throws<ObjectDisposedException>(() => raw.Peer.Send(new byte[80], 48));
        Assert.Throws<ObjectDisposedException>(raw.Peer.Connect);
        Assert.Throws<ObjectDisposedException>(raw.Peer.PeerIsReady);
        Assert.Throws<ObjectDisposedException>(raw.Peer.Tick);
    }

    [Fact]
    public void ADisposedSessionOpensNothing()
    {
        using var raw = new RawPeer();
        raw.Peer.Connect();
        raw.Give(raw.Response(raw.Sent.Dequeue(), out var session));
        var message = raw.Sent.Dequeue();
        var again = message.ToArray();
        Assert.Equal(DropReason.None, session.Open(new TransportMessage(message), out _));
        session.Dispose();
        Assert.Equal(DropReason.BadAead, session.Open(new TransportMessage(again), out _));
    }

    [Fact]
    public void EveryReasonHasALabelOfItsOwn() =>
        Assert.Equal(Enum.GetValues<DropReason>().Length, Enum.GetValues<DropReason>().Select(DropReasons.Label).Distinct().Count());

    [Fact]
    public void TimestampsGrowThoughTheClockGoesBack()
    {
        var time = new SteppingClock();
        var clock = new HandshakeClock(time);
        var (first, second) = (0L, 0L);
        var last = new byte[HandshakeClock.TimestampLength];
        var next = new byte[HandshakeClock.TimestampLength];
        clock.Next(ref first, last);
        Assert.Equal("400000006955b90a00000000", Convert.ToHexStringLower(last));
        for (var i = 0; i < 200; i++)
        {
            time.Now -= TimeSpan.FromMilliseconds(i % 3 == 0 ? 50 : -9);
            clock.Next(ref first, next);
            Assert.True(next.AsSpan().SequenceCompareTo(last) > 0);
            Assert.Equal(0, next[^1] | next[^2] | next[^3]);
            next.CopyTo(last, 0);
        }

        // The first timestamp to a new peer does not go back either.
        clock.Next(ref second, next);
        Assert.Equal(last, next);
        clock.Next(ref second, next);
        Assert.True(next.AsSpan().SequenceCompareTo(last) > 0);
    }

    [Fact]
    public void ThePadOfAMessageIsAMultipleOf16UpToTheMtu()
    {
        Assert.Equal(32, TransportMessage.LengthFor(0));
        Assert.Equal(48, TransportMessage.LengthFor(1));
        Assert.Equal(48, TransportMessage.LengthFor(16));
        Assert.Equal(64, TransportMessage.LengthFor(17));
        Assert.Equal(TransportMessage.MaxLength, TransportMessage.LengthFor(TransportMessage.Mtu));
    }

    private sealed class SteppingClock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
