using Tailnet.WireGuard;
using Tailnet.WireGuard.Wire;

namespace Tailnet.Tests.WireGuard;

/// <summary>Sessions over minutes, in virtual time.</summary>
public sealed class PeerTimeTests
{
    [Fact]
    public void TheInitiatorRenewsASessionInUseEvery120SecondsAndNothingIsLost()
    {
        using var link = new VirtualLink();
        var (a, b) = link.Pair();
        for (var i = 0; i < 500; i++)
        {
            a.SendPacket(i);
            link.Run(TimeSpan.FromSeconds(0.5));
            b.SendPacket(i);
            link.Run(TimeSpan.FromSeconds(0.5));
        }

        Assert.Equal(Enumerable.Range(0, 500), b.Received);
        Assert.Equal(Enumerable.Range(0, 500), a.Received);
        Assert.Equal([0, 121, 242, 363, 484], a.Sessions.Select(static session => (int)Math.Round(session.At.TotalSeconds - 0.02)));
        Assert.All(a.Sessions, static session => Assert.Equal(HandshakeRole.Initiator, session.Role));
        Assert.All(b.Sessions, static session => Assert.Equal(HandshakeRole.Responder, session.Role));
    }

    [Fact]
    public void APeerThatIsKeptAliveHasASessionForHalfAnHour()
    {
        using var link = new VirtualLink();
        var (a, b) = link.Pair();
        a.Peer.KeepsAlive = true;
        a.Peer.Connect();
        link.Run(TimeSpan.FromSeconds(1));
        for (var second = 0; second < 1800; second++)
        {
            link.Run(TimeSpan.FromSeconds(1));
            Assert.True(a.Peer.IsUp && b.Peer.IsUp);
        }

        Assert.InRange(a.Sessions.Count, 14, 16);
        var sent = a.Sent.Count;
        a.Peer.KeepsAlive = false;
        link.Run(TimeSpan.FromSeconds(600));
        Assert.Equal(sent, a.Sent.Count);
        Assert.False(a.Peer.IsUp || b.Peer.IsUp);
    }

    [Fact]
    public void ASessionEndsAfter180Seconds()
    {
        using var link = new VirtualLink();
        var (a, b) = link.Pair();
        byte[] late = [];
        byte[] tooLate = [];
        a.Peer.Connect();
        link.Run(TimeSpan.FromSeconds(1));
        link.Loses = (_, message) =>
        {
            if (MessageKinds.Of(message) is MessageKind.Transport && message.Length > TransportMessage.Overhead)
            {
                (late, tooLate) = (tooLate, message);
            }

            return true;
        };
        a.SendPacket(1);
        a.SendPacket(2);
        link.Run(TimeSpan.FromSeconds(178.9));
        Assert.True(a.Peer.IsUp);
        Assert.Equal(DropReason.None, b.Take(late));

        link.Run(TimeSpan.FromSeconds(0.2));
        Assert.False(a.Peer.IsUp);
        Assert.Equal(DropReason.OldSession, b.Take(tooLate));
        Assert.Equal([1], b.Received);
    }

    [Fact]
    public void KeysOfAnIdlePeerAreErased()
    {
        using var link = new VirtualLink();
        var (a, b) = link.Pair();
        a.Peer.Connect();
        link.Run(TimeSpan.FromSeconds(539));
        Assert.Equal((1, 1), (a.Node.Indices.Count, b.Node.Indices.Count));
        link.Run(TimeSpan.FromSeconds(2));
        Assert.Equal((0, 0), (a.Node.Indices.Count, b.Node.Indices.Count));
        Assert.Equal((long.MaxValue, long.MaxValue), (a.Peer.NextDeadline, b.Peer.NextDeadline));
    }

    [Fact]
    public void AnInitiatorThatOnlyReceivesRenewsTheSessionInItsLastMinute()
    {
        using var link = new VirtualLink();
        var (a, b) = link.Pair();
        a.Peer.Connect();
        link.Run(TimeSpan.FromSeconds(164));
        b.SendPacket(1);
        link.Run(TimeSpan.FromSeconds(2));
        Assert.Single(a.TimesOf(MessageKind.Initiation));

        b.SendPacket(2);
        b.SendPacket(3);
        link.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(2, a.TimesOf(MessageKind.Initiation).Length);
        Assert.Equal(2, a.Sessions.Count);
        Assert.Equal([1, 2, 3], a.Received);
    }

    [Fact]
    public void ReceivedDataIsAnsweredAfter10SecondsIfByNothingElse()
    {
        using var link = new VirtualLink();
        var (a, b) = link.Pair();
        a.SendPacket(1);
        link.Run(TimeSpan.FromSeconds(60));
        Assert.Equal([10.03], b.TimesOf(MessageKind.Transport).Select(static time => time.TotalSeconds));

        a.SendPacket(2);
        link.Run(TimeSpan.FromSeconds(5));
        a.SendPacket(3);
        link.Run(TimeSpan.FromSeconds(60));
        Assert.Equal([10.03, 70.01, 80.01], b.TimesOf(MessageKind.Transport).Select(static time => time.TotalSeconds));

        a.SendPacket(4);
        link.Run(TimeSpan.FromSeconds(5));
        b.SendPacket(1);
        link.Run(TimeSpan.FromSeconds(9));
        Assert.Equal(4, b.TimesOf(MessageKind.Transport).Length);
    }

    [Fact]
    public void APeerThatWasRestartedIsFoundOutAfter15SecondsWithoutAnAnswer()
    {
        using var link = new VirtualLink();
        var (a, b) = link.Pair();
        a.SendPacket(1);
        link.Run(TimeSpan.FromSeconds(30));
        b.Restart();
        a.SendPacket(2);
        link.Run(TimeSpan.FromSeconds(14));
        Assert.Single(a.Sessions);
        link.Run(TimeSpan.FromSeconds(2));
        Assert.Equal(2, a.Sessions.Count);
        Assert.Equal([DropReason.UnknownSession], b.Drops);

        a.SendPacket(3);
        link.Run(TimeSpan.FromSeconds(1));
        Assert.Equal([1, 3], b.Received);
    }

    [Fact]
    public void APeerThatSendsFirstAfterItsRestartIsAnsweredAtOnce()
    {
        using var link = new VirtualLink();
        var (a, b) = link.Pair();
        a.SendPacket(1);
        link.Run(TimeSpan.FromSeconds(30));
        b.Restart();
        b.SendPacket(9);
        link.Run(TimeSpan.FromMilliseconds(31));
        Assert.Equal([9], a.Received);
        a.SendPacket(2);
        link.Run(TimeSpan.FromSeconds(1));
        Assert.Equal([1, 2], b.Received);
    }

    [Fact]
    public void APeerWithANewKeyIsAnotherPeer()
    {
        using var link = new VirtualLink();
        var (a, b) = link.Pair();
        a.SendPacket(1);
        link.Run(TimeSpan.FromSeconds(30));
        b.Restart(withNewKey: true);
        b.SendPacket(9);
        link.Run(TimeSpan.FromMilliseconds(50));
        Assert.Equal([DropReason.BadKey], a.Drops);

        a.Meet(b);
        a.SendPacket(2);
        link.Run(TimeSpan.FromSeconds(1));
        Assert.Equal([1, 2], b.Received);
        Assert.Equal([9], a.Received);
    }

    [Fact]
    public void ASessionIsRenewedAndThenEndedByItsNumberOfMessages()
    {
        using var link = new VirtualLink();
        var (a, b) = link.Pair(new WireGuardOptions { RekeyAfterMessages = 100, RejectAfterMessages = 150 });
        a.Peer.Connect();
        link.Run(TimeSpan.FromSeconds(10));
        link.Loses = static (_, message) => MessageKinds.Of(message) is MessageKind.Initiation;
        for (var i = 0; i < 150; i++)
        {
            a.SendPacket(i);
        }

        // The keep-alive that confirmed the session has used counter 0.
        link.Run(TimeSpan.FromMilliseconds(100));
        Assert.Equal(Enumerable.Range(0, 149), b.Received);
        Assert.Equal(2, a.TimesOf(MessageKind.Initiation).Length);
        Assert.False(a.Peer.IsUp);

        link.Loses = null;
        link.Run(TimeSpan.FromSeconds(6));
        Assert.Equal(Enumerable.Range(0, 150), b.Received);
    }
}
