using Tailnet.Ip.Wire;

namespace Tailnet.Tests.Ip;

/// <summary>Segments as they are on the wire.</summary>
public class SegmentTests
{
    private static readonly Ipv6Address Node = new(System.Net.IPAddress.Parse("fd7a:115c:a1e0::1"));
    private static readonly Ipv6Address Agent = new(System.Net.IPAddress.Parse("fd7a:115c:a1e0::2"));

    private const string Addresses = "fd7a115ca1e000000000000000000001" + "fd7a115ca1e000000000000000000002";

    [Fact]
    public void ASynHasTheOptionsInTheOrderOfLinux()
    {
        var options = new TcpOptions
        {
            MaxSegmentSize = 1220,
            SackPermitted = true,
            HasTimestamps = true,
            TimestampValue = 0x01020304,
            WindowScale = 7,
        };
        var packet = new byte[Ipv6Header.Mtu];
        var length = new TcpHeader(40000, 2, 0x11223344, 0, TcpFlags.Syn, 65535).Write(packet, Node, Agent, options, 0);

        const string Segment = "9c40" + "0002" + "11223344" + "00000000" + "a002" + "ffff";
        const string Options = "020404c4" + "0402" + "080a0102030400000000" + "01030307";
        var text = Convert.ToHexStringLower(packet.AsSpan(0, length));
        Assert.Equal("6000000000280640" + Addresses + Segment, text[..112]);
        Assert.Equal("0000" + Options, text[116..]);
        Assert.Equal(NaiveChecksum(packet.AsSpan(0, length)), Convert.ToUInt16(text[112..116], 16));
    }

    [Fact]
    public void AWrittenSegmentReadsBackAsItself()
    {
        var random = new Random(4);
        for (var i = 0; i < 20_000; i++)
        {
            var options = RandomOptions(random);
            var payload = new byte[random.Next(0, 1220 - options.Length)];
            random.NextBytes(payload);
            var packet = new byte[Ipv6Header.Mtu];
            random.NextBytes(packet);
            var header = new TcpHeader(
                (ushort)random.Next(65536), (ushort)random.Next(65536), (uint)random.NextInt64(), (uint)random.NextInt64(),
                (TcpFlags)random.Next(32) | TcpFlags.Ack, (ushort)random.Next(65536));
            payload.CopyTo(packet, TcpHeader.PayloadOffset(options));
            var length = header.Write(packet, Node, Agent, options, payload.Length);

            // WireGuard pads: what follows is no part of the packet.
            Assert.True(Ipv6Header.TryRead(packet.AsSpan(0, Math.Min(length + random.Next(16), packet.Length)), out var ip));
            Assert.Equal(new Ipv6Header(IpProtocol.Tcp, length - Ipv6Header.Size, Node, Agent), ip);
            Assert.Equal(SegmentStatus.Ok, TcpSegment.Read(packet, ip, out var segment));
            Assert.Equal(
                header,
                new TcpHeader(
                    segment.SourcePort, segment.DestinationPort, segment.Sequence, segment.Acknowledgment, segment.Flags, segment.Window));
            Assert.Equal(payload, segment.Payload.ToArray());
            AssertEqual(options, segment.Options);
        }
    }

    [Theory]
    [InlineData("01010101", true)] // no operation
    [InlineData("00ffffff", true)] // what follows the end is not looked at
    [InlineData("fe040102", true)] // an unknown kind is skipped
    [InlineData("fe01", false)] // a length that does not cover itself
    [InlineData("fe00", false)]
    [InlineData("fe", false)] // no length
    [InlineData("fe05010203ff", false)] // then a kind without a length
    [InlineData("0203ff", false)] // MSS of one byte
    [InlineData("020404", false)] // cut MSS
    [InlineData("030407ff", false)]
    [InlineData("040301", false)]
    [InlineData("0502", false)] // SACK without a block
    [InlineData("05060102030405", false)]
    [InlineData("0509010203040506", false)]
    [InlineData("080b0102030405060708aa", false)]
    [InlineData("0803ff", false)]
    public void OptionsWithImpossibleLengthsAreRefused(string hex, bool good) =>
        Assert.Equal(good, TcpOptions.TryRead(Convert.FromHexString(hex), out _));

    [Fact]
    public void FiveSackBlocksAreRefused() =>
        Assert.False(TcpOptions.TryRead([5, 42, .. new byte[40]], out _));

    [Fact]
    public void AWindowScaleAboveFourteenCountsAsFourteen()
    {
        Assert.True(TcpOptions.TryRead([3, 3, 255, 0], out var options));
        Assert.Equal(14, (int)options.WindowScale!);
    }

    [Fact]
    public void EveryBytesOfOptionsAreReadWithoutAnException()
    {
        var random = new Random(5);
        var bytes = new byte[40];
        for (var i = 0; i < 200_000; i++)
        {
            random.NextBytes(bytes);
            bytes[0] = (byte)random.Next(10);
            bytes[1] = (byte)random.Next(12);
            TcpOptions.TryRead(bytes.AsSpan(0, random.Next(41)), out _);
        }
    }

    [Fact]
    public void EveryTruncationIsRefused()
    {
        var packet = Sample(out var length);
        for (var cut = 0; cut < length; cut++)
        {
            Assert.False(Ipv6Header.TryRead(packet.AsSpan(0, cut), out _));
        }

        // With a length field that agrees, the segment itself is too short or fails its checksum.
        for (var cut = Ipv6Header.Size; cut < length; cut++)
        {
            var copy = packet[..cut];
            (copy[4], copy[5]) = ((byte)((cut - Ipv6Header.Size) >> 8), (byte)(cut - Ipv6Header.Size));
            Assert.True(Ipv6Header.TryRead(copy, out var ip));
            Assert.NotEqual(SegmentStatus.Ok, TcpSegment.Read(copy, ip, out _));
        }
    }

    [Fact]
    public void EveryBitFlipIsNoticed()
    {
        var packet = Sample(out var length);
        for (var bit = 0; bit < length * 8; bit++)
        {
            // Traffic class, flow label and hop limit are covered by no checksum, and mean nothing here.
            if (bit is >= 4 and < 32 or >= 56 and < 64)
            {
                continue;
            }

            var copy = packet[..length];
            copy[bit / 8] ^= (byte)(1 << (7 - (bit % 8)));
            var read = Ipv6Header.TryRead(copy, out var ip) && ip.Protocol == IpProtocol.Tcp
                && TcpSegment.Read(copy, ip, out _) == SegmentStatus.Ok;
            Assert.False(read, $"bit {bit} was flipped");
        }
    }

    internal static byte[] Sample(out int length)
    {
        var options = new TcpOptions { HasTimestamps = true, TimestampValue = 77, TimestampEcho = 78 };
        options.AddSack(new SackBlock(1000, 2000));
        options.AddSack(new SackBlock(3000, 4000));
        var packet = new byte[Ipv6Header.Mtu];
        "a terminal's keystroke"u8.CopyTo(packet.AsSpan(TcpHeader.PayloadOffset(options)));
        length = new TcpHeader(40000, 2, 0x11223344, 0x55667788, TcpFlags.Ack | TcpFlags.Psh, 512).Write(packet, Node, Agent, options, 22);
        return packet;
    }

    private static TcpOptions RandomOptions(Random random)
    {
        var options = new TcpOptions();
        if (random.Next(3) == 0)
        {
            options.MaxSegmentSize = (ushort)random.Next(65536);
            options.WindowScale = random.Next(2) == 0 ? (byte)random.Next(15) : null;
            options.SackPermitted = random.Next(2) == 0;
        }

        if (random.Next(2) == 0)
        {
            options.HasTimestamps = true;
            options.TimestampValue = (uint)random.NextInt64();
            options.TimestampEcho = (uint)random.NextInt64();
        }

        var blocks = options.Length == (options.HasTimestamps ? 12 : 0) ? random.Next(options.HasTimestamps ? 4 : 5) : 0;
        for (; blocks > 0; blocks--)
        {
            options.AddSack(new SackBlock((uint)random.NextInt64(), (uint)random.NextInt64()));
        }

        return options;
    }

    private static void AssertEqual(in TcpOptions expected, in TcpOptions actual)
    {
        Assert.Equal(expected.MaxSegmentSize, actual.MaxSegmentSize);
        Assert.Equal(expected.WindowScale, actual.WindowScale);
        Assert.Equal(expected.SackPermitted, actual.SackPermitted);
        Assert.Equal(expected.HasTimestamps, actual.HasTimestamps);
        Assert.Equal((expected.TimestampValue, expected.TimestampEcho), (actual.TimestampValue, actual.TimestampEcho));
        Assert.Equal(expected.SackCount, actual.SackCount);
        for (var i = 0; i < expected.SackCount; i++)
        {
            Assert.Equal(expected[i], actual[i]);
        }
    }

    private static ushort NaiveChecksum(ReadOnlySpan<byte> packet)
    {
        var segment = packet[Ipv6Header.Size..].ToArray();
        (segment[16], segment[17]) = (0, 0);
        return ChecksumTests.Naive([.. packet[8..40], 0, 0, (byte)(segment.Length >> 8), (byte)segment.Length, 0, 0, 0, 6, .. segment]);
    }
}
