using Tailnet.WireGuard;
using Tailnet.WireGuard.Wire;

namespace Tailnet.Tests.WireGuard;

/// <summary>Handshakes between two nodes of this project, and with a peer that behaves like wireguard-go.</summary>
public sealed class PeerHandshakeTests
{
    [Fact]
    public void APacketWithoutASessionArrivesAfterOneRoundTripAndAHalf()
    {
        using var link = new VirtualLink();
        var (a, b) = link.Pair();
        a.SendPacket(1);
        a.SendPacket(2);
        Assert.True(a.Peer.IsShaking);

        Assert.Equal(TimeSpan.FromMilliseconds(30), link.RunUntil(() => b.Received.Count > 0, TimeSpan.FromSeconds(1)));
        link.Run(TimeSpan.FromMilliseconds(1));
        Assert.Equal([1, 2], b.Received);
        Assert.Equal([(TimeSpan.FromMilliseconds(20), HandshakeRole.Initiator)], a.Sessions);
        Assert.Equal([(TimeSpan.FromMilliseconds(30), HandshakeRole.Responder)], b.Sessions);
        Assert.True(a.Peer.IsUp && b.Peer.IsUp && !a.Peer.IsShaking);
        Assert.NotNull(a.Peer.LastHandshake);
    }

    [Fact]
    public void TheResponderSendsInASessionOnlyAfterItsFirstPacket()
    {
        using var link = new VirtualLink();
        var (a, b) = link.Pair();
        a.Peer.Connect();
        link.Run(TimeSpan.FromMilliseconds(15));
        b.SendPacket(5);
        Assert.False(b.Peer.IsUp);

        link.Run(TimeSpan.FromMilliseconds(50));
        Assert.Equal([5], a.Received);
        Assert.Equal([MessageKind.Initiation, MessageKind.Transport], a.Sent.Select(static sent => sent.Kind));
        Assert.Equal([MessageKind.Response, MessageKind.Transport], b.Sent.Select(static sent => sent.Kind));
    }

    [Fact]
    public void AFirstInitiationThatIsLostCostsLessThan150Milliseconds()
    {
        using var link = new VirtualLink();
        var (a, _) = link.Pair();
        var lost = 0;
        link.Loses = (_, _) => lost++ == 0;
        a.Peer.Connect();
        var took = link.RunUntil(() => a.Peer.IsUp, TimeSpan.FromSeconds(10));
        Assert.Equal(TimeSpan.FromMilliseconds(120), took);
    }

    [Theory]
    [InlineData(5, 20)] // Two initiations are 20 ms apart.
    [InlineData(60, 60)]
    [InlineData(4000, 4000)]
    public void APeerThatBecomesReadyIsAskedAgainAtOnce(int readyAfter, int askedAfter)
    {
        using var link = new VirtualLink();
        var (a, _) = link.Pair();
        var ready = false;
        link.Loses = (_, _) => !ready;
        a.Peer.PeerIsReady();
        Assert.Empty(a.Sent);
        a.Peer.Connect();
        link.Run(TimeSpan.FromMilliseconds(readyAfter));
        ready = true;
        a.Peer.PeerIsReady();
        link.RunUntil(() => a.Peer.IsUp, TimeSpan.FromSeconds(10));
        Assert.Equal(TimeSpan.FromMilliseconds(askedAfter + 20), link.Elapsed);
    }

    [Fact]
    public void APeerThatIsReadyTooEarlyIsAskedInQuickSuccession()
    {
        using var link = new VirtualLink();
        var (a, _) = link.Pair();
        link.Loses = static (_, _) => true;
        a.Peer.Connect();
        link.Run(TimeSpan.FromMilliseconds(150));
        a.Peer.PeerIsReady();
        link.Run(TimeSpan.FromMilliseconds(10));
        a.Peer.PeerIsReady(); // A second report within 1 s has no effect.
        link.Run(TimeSpan.FromSeconds(4));
        Assert.Equal(
            [0, 100, 150, 175, 200, 250, 350, 550, 950, 1750, 3350],
            a.TimesOf(MessageKind.Initiation).Select(static time => time.TotalMilliseconds));
    }

    [Fact]
    public void AnUnansweredHandshakeIsTriedFor90SecondsAndAgainWhenAskedFor()
    {
        using var link = new VirtualLink();
        var (a, b) = link.Pair();
        link.Loses = static (_, _) => true;
        a.SendPacket(1);
        link.Run(TimeSpan.FromSeconds(300));
        var times = a.TimesOf(MessageKind.Initiation);
        Assert.Equal([0, 100, 200, 400, 800, 1600, 3200], times.Take(7).Select(static time => time.TotalMilliseconds));
        var waits = times.Skip(6).Zip(times.Skip(7), static (time, next) => (next - time).TotalMilliseconds);
        Assert.All(waits, static wait => Assert.InRange(wait, 5000, 5333));
        Assert.InRange(times[^1].TotalSeconds, 84, 90);
        Assert.Equal((1, 1L, false), (a.GiveUps, a.Peer.DroppedFromQueue, a.Peer.IsShaking));
        Assert.Equal(0, a.Node.Indices.Count);
        Assert.Equal(long.MaxValue, a.Peer.NextDeadline);

        link.Loses = null;
        a.SendPacket(2);
        link.Run(TimeSpan.FromSeconds(1));
        Assert.Equal([2], b.Received);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(50)]
    [InlineData(150)]
    public void CrossingHandshakesGiveBothSidesASessionAndLoseNothing(int delay)
    {
        using var link = new VirtualLink { Delay = TimeSpan.FromMilliseconds(delay) };
        var (a, b) = link.Pair();
        for (var i = 0; i < 600; i++)
        {
            a.SendPacket(i);
            b.SendPacket(i);
            link.Run(TimeSpan.FromSeconds(1));
        }

        link.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(Enumerable.Range(0, 600), a.Received.Order());
        Assert.Equal(Enumerable.Range(0, 600), b.Received.Order());
        Assert.InRange(a.Sessions.Count, 5, 22);
    }

    [Fact]
    public void APeerThatDropsItsOwnHandshakeForOursHasASessionAtOnce()
    {
        using var raw = new RawPeer();
        using var half = new InitiatorHalf();
        raw.Peer.Connect();
        var ours = raw.Sent.Dequeue();
        Assert.Equal(DropReason.None, raw.Give(raw.Initiation(half)));
        Assert.Equal(MessageKind.Response, MessageKinds.Of(raw.Sent.Dequeue()));

        Assert.Equal(DropReason.None, raw.Give(raw.Response(ours, out var session)));
        using var kept = session;
        Assert.Equal([HandshakeRole.Initiator], raw.Sessions);
        var first = raw.Sent.Dequeue();
        Assert.Equal(session.LocalIndex, new TransportMessage(first).Receiver);
        Assert.Equal(DropReason.None, session.Open(new TransportMessage(first), out _));
        Assert.Equal(DropReason.None, raw.Give(RawPeer.Transport(session, VirtualNode.Packet(1))));
    }

    [Fact]
    public void TheSessionBeforeIsReceivedInWhileTheNextOneBegins()
    {
        using var raw = new RawPeer();
        using var half = new InitiatorHalf();
        raw.Peer.Connect();
        Assert.Equal(DropReason.None, raw.Give(raw.Response(raw.Sent.Dequeue(), out var old)));
        raw.Sent.Clear();
        raw.Time.Advance(TimeSpan.FromSeconds(100));

        Assert.Equal(DropReason.None, raw.Give(raw.Initiation(half)));
        using var next = raw.Finish(half, raw.Sent.Dequeue());
        Assert.Equal(old.LocalIndex, ReceiverOfASentPacket());
        Assert.Equal(DropReason.None, raw.Give(RawPeer.Transport(next, [])));
        Assert.Equal(next.LocalIndex, ReceiverOfASentPacket());
        Assert.Equal(DropReason.None, raw.Give(RawPeer.Transport(old, VirtualNode.Packet(1))));
        Assert.Equal([HandshakeRole.Initiator, HandshakeRole.Responder], raw.Sessions);
        old.Dispose();

        uint ReceiverOfASentPacket()
        {
            var buffer = new byte[WireGuardPeer.BufferLength(48)];
            Assert.Equal(buffer.Length, raw.Peer.Send(buffer, 48));
            return new TransportMessage(buffer).Receiver;
        }
    }

    [Fact]
    public void AfterAResponseThePeerHasAWhileToUseTheSession()
    {
        using var raw = new RawPeer();
        using var half = new InitiatorHalf();
        Assert.Equal(DropReason.None, raw.Give(raw.Initiation(half)));
        raw.Sent.Clear();
        raw.Peer.Connect();
        Assert.Empty(raw.Sent);
        Assert.Equal(raw.Time.GetTimestamp() + TimeSpan.FromMilliseconds(100).Ticks, raw.Peer.NextDeadline);
        raw.Time.Advance(TimeSpan.FromMilliseconds(100));
        raw.Peer.Tick();
        Assert.Equal(MessageKind.Initiation, MessageKinds.Of(raw.Sent.Dequeue()));
    }

    [Fact]
    public void AfterAResponseASessionInUseIsRenewed5SecondsLater()
    {
        using var raw = new RawPeer(new WireGuardOptions { RekeyAfterMessages = 2 });
        using var half = new InitiatorHalf();
        raw.Peer.Connect();
        raw.Give(raw.Response(raw.Sent.Dequeue(), out var session));
        session.Dispose();
        raw.Time.Advance(TimeSpan.FromSeconds(60));
        Assert.Equal(DropReason.None, raw.Give(raw.Initiation(half)));
        raw.Sent.Clear();
        raw.Peer.Send(new byte[80], 48);
        Assert.Empty(raw.Sent);
        raw.Time.Advance(TimeSpan.FromSeconds(4.9));
        raw.Peer.Tick();
        Assert.Empty(raw.Sent);
        raw.Time.Advance(TimeSpan.FromSeconds(0.1));
        raw.Peer.Tick();
        Assert.Equal(MessageKind.Initiation, MessageKinds.Of(raw.Sent.Dequeue()));
    }

    [Fact]
    public void ACookieIsUsedInTheNextInitiationsFor120Seconds()
    {
        using var raw = new RawPeer();
        raw.Peer.Connect();
        var first = raw.Sent.Dequeue();
        Assert.False(new MessageMacs(first).Second.ContainsAnyExcept((byte)0));
        byte[] cookie = [.. Enumerable.Range(1, 16).Select(static i => (byte)i)];
        var reply = raw.CookieReply(first, cookie);
        Assert.Equal(DropReason.None, raw.Give(reply));
        Assert.Empty(raw.Sent);

        raw.Time.Advance(TimeSpan.FromMilliseconds(100));
        raw.Peer.Tick();
        var second = raw.Sent.Dequeue();
        var expected = new byte[16];
        Crypto.Blake2s.Mac(cookie, new MessageMacs(second).CoveredBySecond, expected);
        Assert.Equal(expected, new MessageMacs(second).Second.ToArray());
        Assert.Equal(DropReason.UnknownSession, raw.Give(reply));

        reply = raw.CookieReply(second, cookie);
        reply[^1] ^= 1;
        Assert.Equal(DropReason.BadAead, raw.Give(reply));
    }
}
