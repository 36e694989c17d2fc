using System.Buffers.Binary;
using System.Net;
using Tailnet.Ip.Wire;

namespace Tailnet.Tests.Ip;

/// <summary>ICMPv6 and TSMP.</summary>
public class PingTests
{
    private static readonly Ipv6Address Node = new(IPAddress.Parse("fd7a:115c:a1e0::1"));
    private static readonly Ipv6Address Agent = new(IPAddress.Parse("fd7a:115c:a1e0::2"));

    [Fact]
    public void AnEchoRequestIsAnsweredWithItsOwnBytes()
    {
        var request = Icmp(128, 0, [1, 2, 3, 4, .. "some data"u8]);
        Assert.True(Ipv6Header.TryRead(request, out var ip));
        Assert.Equal(IcmpKind.Echo, IcmpV6.Read(request, ip, out _));

        var answer = new byte[Ipv6Header.Mtu];
        var length = IcmpV6.WriteEchoReply(answer, request, ip);
        Assert.Equal(Icmp(129, 0, [1, 2, 3, 4, .. "some data"u8], Node, Agent), answer[..length]);
    }

    [Fact]
    public void EveryEchoHasARightChecksumInItsAnswer()
    {
        var random = new Random(6);
        for (var i = 0; i < 5000; i++)
        {
            var data = new byte[4 + random.Next(1228)];
            random.NextBytes(data);
            var request = Icmp(128, 0, data);
            Assert.True(Ipv6Header.TryRead(request, out var ip));
            Assert.Equal(IcmpKind.Echo, IcmpV6.Read(request, ip, out _));
            var answer = new byte[Ipv6Header.Mtu];
            var length = IcmpV6.WriteEchoReply(answer, request, ip);
            Assert.Equal(Icmp(129, 0, data, Node, Agent), answer[..length]);
        }
    }

    [Theory]
    [InlineData(1, 4, nameof(IcmpKind.Unreachable))]
    [InlineData(2, 0, nameof(IcmpKind.TooBig))]
    [InlineData(3, 0, nameof(IcmpKind.None))]
    [InlineData(128, 1, nameof(IcmpKind.None))]
    [InlineData(129, 0, nameof(IcmpKind.None))]
    [InlineData(135, 0, nameof(IcmpKind.None))]
    public void ErrorsNameTheSegmentThatIsMeant(byte type, byte code, string kind)
    {
        var expected = Enum.Parse<IcmpKind>(kind);
        var sent = new byte[Ipv6Header.Mtu];
        var length = new TcpHeader(40000, 22, 0x11223344, 0, TcpFlags.Syn, 0).Write(sent, Node, Agent, default, 0);
        var error = Icmp(type, code, [0, 0, 0, 0, .. sent.AsSpan(0, length)]);
        Assert.True(Ipv6Header.TryRead(error, out var ip));
        Assert.Equal(expected, IcmpV6.Read(error, ip, out var quoted));
        if (expected is IcmpKind.Unreachable or IcmpKind.TooBig)
        {
            Assert.Equal(new QuotedSegment(Agent, 40000, 22, 0x11223344), quoted);
        }
    }

    [Fact]
    public void AnErrorAboutSomebodyElsesPacketIsDropped()
    {
        var sent = new byte[Ipv6Header.Mtu];
        var length = new TcpHeader(40000, 22, 1, 0, TcpFlags.Syn, 0).Write(sent, Agent, Node, default, 0);
        var error = Icmp(1, 4, [0, 0, 0, 0, .. sent.AsSpan(0, length)]);
        Assert.True(Ipv6Header.TryRead(error, out var ip));
        Assert.Equal(IcmpKind.None, IcmpV6.Read(error, ip, out _));
    }

    [Fact]
    public void CutOrDamagedMessagesAreDropped()
    {
        var sent = new byte[Ipv6Header.Mtu];
        var length = new TcpHeader(40000, 22, 1, 0, TcpFlags.Syn, 0).Write(sent, Node, Agent, default, 0);
        for (var cut = 0; cut < length; cut++)
        {
            var error = Icmp(1, 4, [0, 0, 0, 0, .. sent.AsSpan(0, cut)]);
            Assert.True(Ipv6Header.TryRead(error, out var ip));
            Assert.Equal(cut < 48 ? IcmpKind.None : IcmpKind.Unreachable, IcmpV6.Read(error, ip, out _));
        }

        var echo = Icmp(128, 0, [1, 2, 3, 4, 5, 6]);
        for (var bit = Ipv6Header.Size * 8; bit < echo.Length * 8; bit++)
        {
            var copy = echo.ToArray();
            copy[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.True(Ipv6Header.TryRead(copy, out var ip));
            Assert.Equal(IcmpKind.None, IcmpV6.Read(copy, ip, out _));
        }

        for (var cut = 0; cut < 8; cut++)
        {
            var copy = echo[..(Ipv6Header.Size + cut)];
            (copy[4], copy[5]) = (0, (byte)cut);
            Assert.True(Ipv6Header.TryRead(copy, out var ip));
            Assert.Equal(IcmpKind.None, IcmpV6.Read(copy, ip, out _));
        }
    }

    [Fact]
    public void APingIsNineBytesAndItsPongElevenWithTheSameData()
    {
        var packet = new byte[64];
        var length = Tsmp.WritePing(packet, Node, Agent, 0x0102030405060708);
        Assert.Equal("70" + "0102030405060708", Convert.ToHexStringLower(packet.AsSpan(Ipv6Header.Size, length - Ipv6Header.Size)));
        Assert.Equal(99, packet[6]);
        Assert.True(Ipv6Header.TryRead(packet.AsSpan(0, length), out var ip));
        Assert.Equal((TsmpKind.Ping, 0x0102030405060708ul), (Tsmp.Read(packet, ip, out var data), data));

        length = Tsmp.WritePong(packet, Agent, Node, data);
        var pong = Convert.ToHexStringLower(packet.AsSpan(Ipv6Header.Size, length - Ipv6Header.Size));
        Assert.Equal("6f" + "0102030405060708" + "0000", pong);
        Assert.True(Ipv6Header.TryRead(packet.AsSpan(0, length), out ip));
        Assert.Equal((TsmpKind.Pong, 0x0102030405060708ul), (Tsmp.Read(packet, ip, out data), data));
    }

    [Fact]
    public void ShortOrUnknownTsmpIsDropped()
    {
        var packet = new byte[64];
        Tsmp.WritePing(packet, Node, Agent, ulong.MaxValue);
        for (var cut = 0; cut < 9; cut++)
        {
            packet[5] = (byte)cut;
            Assert.True(Ipv6Header.TryRead(packet.AsSpan(0, Ipv6Header.Size + cut), out var ip));
            Assert.Equal(TsmpKind.None, Tsmp.Read(packet, ip, out _));
        }

        packet[5] = 9;
        for (var type = 0; type < 256; type++)
        {
            packet[Ipv6Header.Size] = (byte)type;
            Assert.True(Ipv6Header.TryRead(packet, out var ip));
            Assert.Equal(
                type switch { 'p' => TsmpKind.Ping, 'o' => TsmpKind.Pong, _ => TsmpKind.None },
                Tsmp.Read(packet, ip, out _));
        }
    }

    internal static byte[] Icmp(byte type, byte code, ReadOnlySpan<byte> body) => Icmp(type, code, body, Agent, Node);

    private static byte[] Icmp(byte type, byte code, ReadOnlySpan<byte> body, Ipv6Address source, Ipv6Address destination)
    {
        var packet = new byte[Ipv6Header.Size + 4 + body.Length];
        new Ipv6Header(IpProtocol.IcmpV6, 4 + body.Length, source, destination).Write(packet);
        (packet[40], packet[41]) = (type, code);
        body.CopyTo(packet.AsSpan(44));
        var length = 4 + body.Length;
        var checksum = ChecksumTests.Naive(
            [.. packet.AsSpan(8, 32), 0, 0, (byte)(length >> 8), (byte)length, 0, 0, 0, 58, .. packet.AsSpan(40)]);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(42), checksum);
        return packet;
    }
}
