using System.Text;
using Tailnet.Ip;
using Tailnet.Ip.Tcp;
using Tailnet.Ip.Wire;

namespace Tailnet.Tests.Ip;

/// <summary>Opening, closing and resetting, segment by segment.</summary>
public class ConnectionTests
{
    private const long Millisecond = 1000;
    private const long Second = 1000 * Millisecond;

    [Fact]
    public void AnInitOfATerminalIsOneSegment()
    {
        var peer = new RawPeer().Establish();
        peer.Write(new byte[1208]);
        var segment = peer.Take();
        Assert.Equal((TcpFlags.Ack | TcpFlags.Psh, 1208), (segment.Flags, segment.Payload.Length));
        Assert.Equal(0, peer.Waiting);
    }

    [Fact]
    public void WritesOfOneBatchAreJoined()
    {
        var peer = new RawPeer().Establish();
        _ = peer.Stream.WriteAsync("ab"u8.ToArray()).AsTask();
        _ = peer.Stream.WriteAsync("cd"u8.ToArray()).AsTask();
        peer.Settle();
        Assert.Equal("abcd", Encoding.ASCII.GetString(peer.Take().Payload));
        Assert.Equal(0, peer.Waiting);
    }

    [Fact]
    public void BothHalvesCloseAfterEachOther()
    {
        var peer = new RawPeer().Establish();
        peer.Close();
        Assert.Equal((TcpFlags.Fin | TcpFlags.Ack, 1u, 1u), RawPeer.Headline(peer.Take()));
        Assert.Equal(TcpState.FinWait1, peer.Connection.State);
        peer.Send(1, 2);
        Assert.Equal(TcpState.FinWait2, peer.Connection.State);
        peer.Send(1, 2, TcpFlags.Ack | TcpFlags.Psh, "still"u8);
        Assert.Equal("still"u8.ToArray(), peer.Read());
        peer.TakeAll();
        peer.Send(6, 2, TcpFlags.Fin | TcpFlags.Ack);
        Assert.Equal((TcpFlags.Ack, 2u, 7u), RawPeer.Headline(peer.Take()));
        Assert.Equal((TcpState.Closed, TcpCloseReason.Completed), (peer.Connection.State, peer.Connection.Reason));
        Assert.Empty(peer.Read());
        Assert.Equal(1, peer.Host.TimeWaitPorts);
    }

    [Fact]
    public void ThePeerMayCloseFirst()
    {
        var peer = new RawPeer().Establish();
        peer.Send(1, 1, TcpFlags.Fin | TcpFlags.Ack);
        Assert.Equal((TcpFlags.Ack, 1u, 2u), RawPeer.Headline(peer.Take()));
        Assert.Equal(TcpState.CloseWait, peer.Connection.State);
        Assert.Empty(peer.Read());
        peer.Write("still"u8);
        Assert.Equal("still"u8.ToArray(), peer.Take().Payload);
        peer.Close();
        Assert.Equal((TcpFlags.Fin | TcpFlags.Ack, 6u, 2u), RawPeer.Headline(peer.Take()));
        Assert.Equal(TcpState.LastAck, peer.Connection.State);
        peer.Send(2, 7);
        Assert.Equal((TcpState.Closed, TcpCloseReason.Completed), (peer.Connection.State, peer.Connection.Reason));
        Assert.Equal(0, peer.Host.TimeWaitPorts);
    }

    [Fact]
    public void FinsMayCross()
    {
        var peer = new RawPeer().Establish();
        peer.Close();
        peer.TakeAll();
        peer.Send(1, 1, TcpFlags.Fin | TcpFlags.Ack);
        Assert.Equal(TcpState.Closing, peer.Connection.State);
        Assert.Equal((TcpFlags.Ack, 2u, 2u), RawPeer.Headline(peer.Take()));
        peer.Send(2, 2);
        Assert.Equal((TcpState.Closed, TcpCloseReason.Completed), (peer.Connection.State, peer.Connection.Reason));
        Assert.Equal(1, peer.Host.TimeWaitPorts);
    }

    [Fact]
    public void AFinThatOvertakesItsDataWaitsForIt()
    {
        var peer = new RawPeer().Establish();
        peer.Send(6, 1, TcpFlags.Fin | TcpFlags.Ack);
        Assert.Equal(TcpState.Established, peer.Connection.State);
        peer.Send(4, 1, TcpFlags.Ack, "de"u8);
        peer.Send(1, 1, TcpFlags.Ack, "abc"u8);
        Assert.Equal(TcpState.CloseWait, peer.Connection.State);
        Assert.Equal((TcpFlags.Ack, 1u, 7u), RawPeer.Headline(peer.TakeAll()[^1]));
        Assert.Equal("abcde"u8.ToArray(), peer.Read());
        Assert.Empty(peer.Read());
    }

    [Theory]
    [InlineData("Established")]
    [InlineData("FinWait1")]
    [InlineData("FinWait2")]
    [InlineData("CloseWait")]
    [InlineData("Closing")]
    [InlineData("LastAck")]
    public void AResetCountsOnlyAtTheExactSequenceNumber(string name)
    {
        var state = Enum.Parse<TcpState>(name);
        var (peer, next) = InState(state);
        var before = peer.Context.Counters.Unacceptable;

        // Below and beyond the window it is dropped silently.
        peer.Send(next - 1, 1, TcpFlags.Rst);
        peer.Send(next + 600_000, 1, TcpFlags.Rst);
        Assert.Equal((state, 0), (peer.Connection.State, peer.Waiting));
        Assert.Equal(before + 2, peer.Context.Counters.Unacceptable);

        // In the window it is answered by a challenge, if anything may still come.
        if (state is TcpState.Established or TcpState.FinWait1 or TcpState.FinWait2)
        {
            peer.Send(next + 1, 1, TcpFlags.Rst);
            Assert.Equal(state, peer.Connection.State);
            Assert.Equal((TcpFlags.Ack, next), (peer.Take() is var ack ? ack.Flags : 0, ack.Acknowledgment));
        }

        var read = peer.Connection.IsAtEnd ? null : peer.Stream.ReadAsync(new byte[1]).AsTask();
        peer.Send(next, 1, TcpFlags.Rst);
        Assert.Equal((TcpState.Closed, TcpCloseReason.Reset, 0), (peer.Connection.State, peer.Connection.Reason, peer.Host.Connections));
        Assert.Equal(0, peer.Waiting);
        if (read is not null)
        {
            Assert.Equal(TcpCloseReason.Reset, Assert.IsType<TcpException>(read.Exception!.InnerException).Reason);
        }
    }

    [Fact]
    public void ChallengesAreLimited()
    {
        var peer = new RawPeer().Establish();
        for (var i = 0; i < 100; i++)
        {
            peer.Send(5, 1, TcpFlags.Rst);
            peer.Send(1, 1, TcpFlags.Syn);
            peer.Send(1, 5000);
        }

        Assert.Equal(10, peer.TakeAll().Count);
        Assert.Equal(TcpState.Established, peer.Connection.State);
        peer.Advance(Second);
        peer.Send(5, 1, TcpFlags.Rst);
        Assert.Equal(1, peer.Waiting);
    }

    [Fact]
    public void WhatWasReceivedBeforeAResetCanBeRead()
    {
        var peer = new RawPeer().Establish();
        peer.Send(1, 1, TcpFlags.Ack | TcpFlags.Psh, "last words"u8);
        peer.Send(11, 1, TcpFlags.Rst);
        Assert.Equal("last words"u8.ToArray(), peer.Read());
        Assert.Equal(TcpCloseReason.Reset, Assert.Throws<TcpException>(() => peer.Read()).Reason);
        Assert.Equal(TcpCloseReason.Reset, Assert.Throws<TcpException>(() => peer.Write("x"u8)).Reason);
        Assert.Equal(0, peer.Context.Buffers.Held);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void AnAbortAfterTheEndFreesWhatIsUnreadAndHidesItNot(bool reset)
    {
        var peer = new RawPeer().Establish();
        peer.Send(1, 1, TcpFlags.Ack | TcpFlags.Psh, "unread"u8);
        if (reset)
        {
            peer.Send(7, 1, TcpFlags.Rst);
        }
        else
        {
            peer.Send(7, 1, TcpFlags.Fin | TcpFlags.Ack);
            peer.Close();
            peer.Send(8, 2);
        }

        Assert.Equal((TcpState.Closed, 4096L), (peer.Connection.State, peer.Context.Buffers.Held));
        peer.Stream.Abort();
        Assert.Equal(0, peer.Context.Buffers.Held);
        Assert.Equal(TcpCloseReason.LocalAbort, Assert.Throws<TcpException>(() => peer.Read()).Reason);
    }

    [Fact]
    public void DisposalWithDataUnreadSendsAReset()
    {
        var peer = new RawPeer().Establish();
        peer.Send(1, 1, TcpFlags.Ack | TcpFlags.Psh, "unread"u8);
        peer.TakeAll();
        peer.Stream.Dispose();
        peer.Settle();
        Assert.Equal((TcpFlags.Rst | TcpFlags.Ack, 1u), (peer.Take() is var rst ? rst.Flags : 0, rst.Sequence));
        Assert.Equal((0, 0L), (peer.Host.Connections, peer.Context.Buffers.Held));
    }

    [Fact]
    public void DisposalWithNothingUnreadSendsWhatIsWrittenAndAFin()
    {
        var peer = new RawPeer().Establish();
        _ = peer.Stream.WriteAsync("bye"u8.ToArray()).AsTask();
        peer.Stream.Dispose();
        peer.Settle();
        var segment = peer.Take();
        Assert.Equal((TcpFlags.Fin | TcpFlags.Psh | TcpFlags.Ack, 3), (segment.Flags, segment.Payload.Length));
        Assert.Throws<ObjectDisposedException>(() => peer.Read());

        // Nobody will read what comes now.
        peer.Send(1, 5, TcpFlags.Ack, "late"u8);
        Assert.Equal(TcpFlags.Rst | TcpFlags.Ack, peer.Take().Flags);
        Assert.Equal((0, 0L), (peer.Host.Connections, peer.Context.Buffers.Held));
    }

    [Fact]
    public void APeerThatNeverClosesDoesNotKeepADisposedConnection()
    {
        var peer = new RawPeer().Establish(TcpSettings.Http);
        peer.Stream.Dispose();
        peer.Settle();
        peer.Send(1, 2);
        Assert.Equal(TcpState.FinWait2, peer.Connection.State);
        peer.Advance(60 * Second);
        Assert.Equal((TcpCloseReason.CloseTimeout, 0), (peer.Connection.Reason, peer.Host.Connections));
    }

    [Fact]
    public void AHalfClosedConnectionWaitsForThePeerAsLongAsSomebodyReads()
    {
        var peer = new RawPeer().Establish(TcpSettings.Http);
        peer.Close();
        peer.Send(1, 2);
        peer.Advance(3600 * Second);
        Assert.Equal(TcpState.FinWait2, peer.Connection.State);
        peer.Send(1, 2, TcpFlags.Ack | TcpFlags.Psh, "late"u8);
        Assert.Equal("late"u8.ToArray(), peer.Read());
    }

    [Fact]
    public void ARestingPortAcknowledgesARepeatedFinAndIgnoresAReset()
    {
        var peer = new RawPeer().Establish();
        peer.Close();
        peer.Send(1, 2);
        peer.Send(1, 2, TcpFlags.Fin | TcpFlags.Ack);
        peer.TakeAll();
        peer.Send(1, 2, TcpFlags.Fin | TcpFlags.Ack);
        var ack = peer.Take();
        Assert.Equal((TcpFlags.Ack, 2u, 2u, true), (ack.Flags, ack.Sequence, ack.Acknowledgment, ack.Options.HasTimestamps));
        var port = ack.SourcePort;
        Assert.Equal(PacketVerdict.NoConnection, peer.Deliver(RawPeer.Packet(new TcpHeader(2, port, 0, 0, TcpFlags.Rst, 0), default, [])));
        Assert.Equal((0, 1), (peer.Waiting, peer.Host.TimeWaitPorts));

        peer.Advance(6 * Second);
        Assert.Equal(
            PacketVerdict.NoConnection,
            peer.Deliver(RawPeer.Packet(new TcpHeader(2, port, 0, 7, TcpFlags.Fin | TcpFlags.Ack, 0), default, [])));
        Assert.Equal(TcpFlags.Rst, peer.Take(raw: true).Flags);
    }

    [Fact]
    public void RestingPortsAreBounded()
    {
        var peer = new RawPeer();
        for (var i = 0; i < 300; i++)
        {
            peer.Establish();
            peer.Close();
            peer.Send(1, 2);
            peer.Send(1, 2, TcpFlags.Fin | TcpFlags.Ack);
            peer.TakeAll();
        }

        Assert.Equal(256, peer.Host.TimeWaitPorts);
    }

    [Fact]
    public void SilenceIsProbedAndEndsTheConnectionAfterThreeProbes()
    {
        var peer = new RawPeer().Establish(TcpSettings.Terminal);
        peer.Write("x"u8);
        peer.Send(1, 2);
        peer.TakeAll();
        peer.Advance(30 * Second);
        Assert.Equal((TcpFlags.Ack, 1u, 1u), RawPeer.Headline(peer.Take()));
        peer.Send(1, 2);
        peer.Advance(30 * Second);
        Assert.Single(peer.TakeAll());
        peer.Advance(20 * Second);
        Assert.Equal(2, peer.TakeAll().Count);
        Assert.Equal(TcpState.Established, peer.Connection.State);
        peer.Advance(10 * Second);
        Assert.Equal(TcpCloseReason.KeepAliveTimeout, peer.Connection.Reason);
        Assert.Equal(TcpFlags.Rst | TcpFlags.Ack, peer.Take().Flags);
    }

    [Fact]
    public void ConnectionsAreEndedWithTheOwnersReason()
    {
        var peer = new RawPeer().Establish();
        var read = peer.Stream.ReadAsync(new byte[10]).AsTask();
        peer.Host.Abort(TcpCloseReason.AgentRestarted, tellPeer: false);
        peer.Settle();
        Assert.Equal(TcpCloseReason.AgentRestarted, Assert.IsType<TcpException>(read.Exception!.InnerException).Reason);
        Assert.Equal((0, 0), (peer.Waiting, peer.Host.Connections));
    }

    [Fact]
    public void ACancelledReadLosesNothing()
    {
        var peer = new RawPeer().Establish();
        using var source = new CancellationTokenSource();
        var read = peer.Stream.ReadAsync(new byte[10], source.Token).AsTask();
        source.Cancel();
        Assert.True(read.IsCanceled);
        peer.Send(1, 1, TcpFlags.Ack | TcpFlags.Psh, "abc"u8);
        Assert.Equal("abc"u8.ToArray(), peer.Read());
    }

    private static (RawPeer Peer, uint Next) InState(TcpState state)
    {
        var peer = new RawPeer().Establish();
        uint next = 1;
        if (state is TcpState.CloseWait or TcpState.LastAck)
        {
            peer.Send(next++, 1, TcpFlags.Fin | TcpFlags.Ack);
        }

        if (state is not (TcpState.Established or TcpState.CloseWait))
        {
            peer.Close();
        }

        switch (state)
        {
            case TcpState.FinWait2:
                peer.Send(next, 2);
                break;
            case TcpState.Closing:
                peer.Send(next++, 1, TcpFlags.Fin | TcpFlags.Ack);
                break;
        }

        Assert.Equal(state, peer.Connection.State);
        peer.TakeAll();
        return (peer, next);
    }
}
