using System.Net;
using Tailnet.Ip;
using Tailnet.Ip.Tcp;
using Tailnet.Ip.Wire;

namespace Tailnet.Tests.Ip;

/// <summary>What a host answers to packets that belong to no connection, and what it does not.</summary>
public class HostTests
{
    private static readonly Ipv6Address Stranger = new(IPAddress.Parse("fd7a:115c:a1e0::3"));

    [Fact]
    public void ASynToTheNodeIsRefused()
    {
        var peer = new RawPeer();
        var syn = RawPeer.Packet(new TcpHeader(4000, 22, 1000, 0, TcpFlags.Syn, 512), default, []);
        Assert.Equal(PacketVerdict.NoConnection, peer.Deliver(syn));
        var answer = peer.Take(raw: true);
        Assert.Equal((TcpFlags.Rst | TcpFlags.Ack, 0u, 1001u), (answer.Flags, answer.Sequence, answer.Acknowledgment));
    }

    [Fact]
    public void ASegmentWithoutAConnectionIsResetWhereItsSenderExpectsIt()
    {
        var peer = new RawPeer();
        var data = RawPeer.Packet(new TcpHeader(4000, 40000, 1000, 5555, TcpFlags.Ack, 512), default, [1, 2, 3]);
        Assert.Equal(PacketVerdict.NoConnection, peer.Deliver(data));
        Assert.Equal((TcpFlags.Rst, 5555u), (peer.Take(raw: true) is var rst ? rst.Flags : 0, rst.Sequence));
    }

    [Fact]
    public void AResetIsNeverAnswered()
    {
        var peer = new RawPeer();
        var rst = RawPeer.Packet(new TcpHeader(4000, 40000, 1000, 0, TcpFlags.Rst, 512), default, []);
        Assert.Equal((PacketVerdict.NoConnection, 0), (peer.Deliver(rst), peer.Waiting));
    }

    [Fact]
    public void AnswersAreLimited()
    {
        var peer = new RawPeer();
        var syn = RawPeer.Packet(new TcpHeader(4000, 22, 1000, 0, TcpFlags.Syn, 512), default, []);
        var echo = PingTests.Icmp(128, 0, [1, 2, 3, 4]);
        var ping = new byte[Tsmp.PingLength];
        Tsmp.WritePing(ping, RawPeer.Agent, RawPeer.Node, 5);
        foreach (var packet in (byte[][])[syn, echo, ping])
        {
            var verdicts = Enumerable.Range(0, 50).Select(_ => peer.Deliver(packet)).ToList();
            Assert.Equal(40, verdicts.Count(static verdict => verdict == PacketVerdict.RateLimited));
        }

        Assert.Equal(30, peer.Waiting);
        peer.Advance(100_000);
        Assert.NotEqual(PacketVerdict.RateLimited, peer.Deliver(syn));
    }

    [Fact]
    public void PacketsOfStrangersAreDropped()
    {
        var peer = new RawPeer().Establish();
        var header = new TcpHeader(2, peer.Connection.LocalPort, 0xffff_fff1, 0, TcpFlags.Rst, 0);
        Assert.Equal(PacketVerdict.BadIp, peer.Deliver(RawPeer.Packet(header, default, [], Stranger)));
        peer.Host.SetPeerAddresses([RawPeer.Agent, Stranger]);
        Assert.Equal(PacketVerdict.NoConnection, peer.Deliver(RawPeer.Packet(header, default, [], Stranger)));
        Assert.Equal(TcpState.Established, peer.Connection.State);
    }

    [Fact]
    public void PacketsToAnotherAddressOrOfAnotherProtocolAreDropped()
    {
        var peer = new RawPeer();
        var packet = new byte[60];
        new Ipv6Header(IpProtocol.Tcp, 20, RawPeer.Agent, Stranger).Write(packet);
        Assert.Equal(PacketVerdict.BadIp, peer.Deliver(packet));
        for (var protocol = 0; protocol < 256; protocol++)
        {
            new Ipv6Header((IpProtocol)protocol, 20, RawPeer.Agent, RawPeer.Node).Write(packet);
            var expected = protocol is 6 or 58 or 99 ? PacketVerdict.BadPayload : PacketVerdict.BadIp;
            Assert.Equal(expected, peer.Deliver(packet));
        }

        Assert.Equal(PacketVerdict.BadIp, peer.Deliver(new byte[1280]));
        Assert.Equal(PacketVerdict.BadIp, peer.Deliver([]));
        Assert.Equal(0, peer.Waiting);
    }

    [Fact]
    public void EchoRequestsAndPingsAreAnswered()
    {
        var peer = new RawPeer();
        var echo = PingTests.Icmp(128, 0, [1, 2, 3, 4, .. "data"u8]);
        Assert.Equal(PacketVerdict.Taken, peer.Deliver(echo));
        var answer = peer.TakePacket();
        Assert.True(Ipv6Header.TryRead(answer, out var ip));
        Assert.Equal((IpProtocol.IcmpV6, RawPeer.Node, RawPeer.Agent, 129), (ip.Protocol, ip.Source, ip.Destination, answer[40]));

        var ping = new byte[Tsmp.PingLength];
        Tsmp.WritePing(ping, RawPeer.Agent, RawPeer.Node, 0x1122334455667788);
        Assert.Equal(PacketVerdict.Taken, peer.Deliver(ping));
        answer = peer.TakePacket();
        Assert.True(Ipv6Header.TryRead(answer, out ip));
        Assert.Equal((TsmpKind.Pong, 0x1122334455667788ul), (Tsmp.Read(answer, ip, out var data), data));
    }

    [Fact]
    public void APongMeasuresItsPingOnce()
    {
        var peer = new RawPeer();
        Assert.True(peer.Host.TryPing(RawPeer.Agent, peer.Clock.Now, out var data));
        var pong = new byte[Tsmp.PongLength];
        Tsmp.WritePong(pong, RawPeer.Agent, RawPeer.Node, data + 1);
        peer.Advance(1234);
        peer.Deliver(pong);
        Assert.Null(peer.Host.Pings.AnsweredAt);
        Tsmp.WritePong(pong, RawPeer.Agent, RawPeer.Node, data);
        peer.Deliver(pong);
        Assert.Equal((1234L, 1234L), (peer.Host.Pings.RoundTrip, peer.Host.Pings.AnsweredAt));
        peer.Advance(1000);
        peer.Deliver(pong);
        Assert.Equal(1234, peer.Host.Pings.AnsweredAt);
    }

    [Fact]
    public void UnansweredPingsAreBounded()
    {
        var peer = new RawPeer();
        Assert.Equal(16, Enumerable.Range(0, 100).Count(_ => peer.Host.TryPing(RawPeer.Agent, peer.Clock.Now, out var _)));
        peer.Advance(11_000_000);
        Assert.True(peer.Host.TryPing(RawPeer.Agent, peer.Clock.Now, out _));
    }

    [Fact]
    public void ConnectionsOfAnAgentAreBounded()
    {
        var peer = new RawPeer();
        var streams = Enumerable.Range(0, 300)
            .Select(_ => peer.Host.Connect(RawPeer.Agent, 2, TcpSettings.Http)).OfType<TcpStream>().ToList();
        Assert.Equal(256, streams.Count);
        Assert.Equal(256, streams.Select(static stream => stream.Connection.LocalPort).Distinct().Count());
        streams[0].Dispose();
        Assert.NotNull(peer.Host.Connect(RawPeer.Agent, 2, TcpSettings.Http));
    }

    [Fact]
    public void ABusyConnectionLetsAnotherHaveItsTurn()
    {
        var peer = new RawPeer().Establish();
        var busy = peer.Stream;
        peer.Establish();
        _ = busy.WriteAsync(new byte[12_000]).AsTask();
        _ = peer.Stream.WriteAsync("key"u8.ToArray()).AsTask();
        peer.Settle();
        var order = Enumerable.Range(0, peer.Waiting).Select(_ => peer.Take().Payload.Length).ToList();
        Assert.Equal(8, order.IndexOf(3));
    }
}
