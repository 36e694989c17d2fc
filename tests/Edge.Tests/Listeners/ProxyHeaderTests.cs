using System.Buffers;
using System.Buffers.Binary;
using System.Net;
using System.Text;
using Edge.Listeners;
using FsCheck;
using FsCheck.Fluent;

namespace Edge.Tests.Listeners;

public class ProxyHeaderTests
{
    private static readonly byte[] Signature = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A];

    public static TheoryData<string, string?, string?> GoodLines => new()
    {
        { "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n", "192.0.2.1:56324", "198.51.100.2:443" },
        { "PROXY TCP4 255.255.255.255 255.255.255.255 65535 0\r\n", "255.255.255.255:65535", "255.255.255.255:0" },
        { "PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n", "[2001:db8::1]:1", "[2001:db8::2]:2" },
        { "PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n", "192.0.2.1:1", "[::1]:2" },
        { "PROXY UNKNOWN\r\n", null, null },
        { "PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", null, null },
    };

    [Theory]
    [MemberData(nameof(GoodLines))]
    public void AVersionOneLineIsUnderstoodAtEveryCut(string line, string? source, string? destination) =>
        AssertWhole(Encoding.ASCII.GetBytes(line), source, destination);

    [Theory]
    [InlineData("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\n")]
    [InlineData("PROXY TCP4 192.0.2.1 198.51.100.2 56324\r\n")]
    [InlineData("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443 9\r\n")]
    [InlineData("PROXY TCP4 192.0.2.1  198.51.100.2 56324 443\r\n")]
    [InlineData("PROXY TCP4 192.0.2.01 198.51.100.2 56324 443\r\n")]
    [InlineData("PROXY TCP4 127.1 198.51.100.2 56324 443\r\n")]
    [InlineData("PROXY TCP4 0x7f.0.0.1 198.51.100.2 56324 443\r\n")]
    [InlineData("PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n")]
    [InlineData("PROXY TCP6 192.0.2.1 198.51.100.2 1 2\r\n")]
    [InlineData("PROXY TCP6 fe80::1%1 ::1 1 2\r\n")]
    [InlineData("PROXY TCP6 [::1] ::1 1 2\r\n")]
    [InlineData("PROXY TCP4 192.0.2.1 198.51.100.2 65536 443\r\n")]
    [InlineData("PROXY TCP4 192.0.2.1 198.51.100.2 -1 443\r\n")]
    [InlineData("PROXY TCP4 192.0.2.1 198.51.100.2 01 443\r\n")]
    [InlineData("PROXY tcp4 192.0.2.1 198.51.100.2 1 443\r\n")]
    [InlineData("PROXY UDP4 192.0.2.1 198.51.100.2 1 443\r\n")]
    [InlineData("PROXY UNKNOWNX\r\n")]
    [InlineData("PROXY \r\n")]
    [InlineData("PROXY \n")]
    public void AWrongVersionOneLineIsInvalid(string line) =>
        Assert.Equal(ProxyHeaderStatus.Invalid, Parse(Encoding.ASCII.GetBytes(line), out _));

    [Fact]
    public void ALineIsGivenUpAt107Bytes()
    {
        Assert.Equal(ProxyHeaderStatus.NeedMore, Parse(Encoding.ASCII.GetBytes("PROXY UNKNOWN".PadRight(106)), out _));
        Assert.Equal(ProxyHeaderStatus.Invalid, Parse(Encoding.ASCII.GetBytes("PROXY UNKNOWN".PadRight(107)), out _));
        Assert.Equal(ProxyHeaderStatus.Done, Parse(Encoding.ASCII.GetBytes("PROXY UNKNOWN".PadRight(105) + "\r\n"), out _));
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\n")]
    [InlineData("POST / HTTP/1.1\r\n")]
    [InlineData("PROXYX")]
    [InlineData("proxy TCP4")]
    [InlineData("\r\n\r\nGET")]
    [InlineData("\u0016\u0003\u0001")]
    public void OtherProtocolsAreLeftAlone(string first) =>
        Assert.Equal(ProxyHeaderStatus.None, Parse(Encoding.Latin1.GetBytes(first), out _));

    [Fact]
    public void VersionTwoIsUnderstoodAtEveryCut()
    {
        AssertWhole(Binary(0x21, 0x11, V4()), "192.0.2.1:56324", "198.51.100.2:443");
        AssertWhole(Binary(0x21, 0x11, [.. V4(), .. new byte[100]]), "192.0.2.1:56324", "198.51.100.2:443");
        AssertWhole(Binary(0x21, 0x21, V6()), "[2001:db8::1]:56324", "[2001:db8::2]:443");
        AssertWhole(Binary(0x21, 0x31, new byte[216]), null, null);
        AssertWhole(Binary(0x21, 0x00, []), null, null);
        AssertWhole(Binary(0x20, 0x00, []), null, null);
        AssertWhole(Binary(0x20, 0x11, V4()), null, null);
        AssertWhole(Binary(0x20, 0xFF, new byte[7]), null, null);
        AssertWhole(Binary(0x21, 0x11, [.. V4(), .. new byte[4084]]), "192.0.2.1:56324", "198.51.100.2:443");
    }

    [Theory]
    [InlineData(0x11, 0x11, 12)]
    [InlineData(0x31, 0x11, 12)]
    [InlineData(0x22, 0x11, 12)]
    [InlineData(0x21, 0x11, 11)]
    [InlineData(0x21, 0x21, 35)]
    [InlineData(0x21, 0x31, 215)]
    [InlineData(0x21, 0x41, 12)]
    [InlineData(0x21, 0x13, 12)]
    [InlineData(0x21, 0x10, 12)]
    [InlineData(0x21, 0x11, 4097)]
    public void AWrongVersionTwoHeaderIsInvalidAsSoonAsItsFixedPartIsThere(int command, int family, int length) =>
        Assert.Equal(ProxyHeaderStatus.Invalid, Parse(Binary((byte)command, (byte)family, new byte[length])[..16], out _));

    [Fact]
    public void NoInputThrowsOrClaimsMoreThanThereIs()
    {
        var tails = ArbMap.Default.ArbFor<byte[]>();
        var prefixes = Gen.Elements(Array.Empty<byte>(), Signature, [.. Signature, 0x21], "PROXY "u8.ToArray(), "PROXY TCP4 "u8.ToArray())
            .ToArbitrary();
        Prop.ForAll(prefixes, tails, (prefix, tail) =>
        {
            byte[] input = [.. prefix, .. tail ?? []];
            var status = Parse(input, out var header);
            return status == ProxyHeaderStatus.Done ? header.Length > 0 && header.Length <= input.Length : header == default;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(2000));
    }

    private static void AssertWhole(byte[] bytes, string? source, string? destination)
    {
        for (var cut = 0; cut < bytes.Length; cut++)
        {
            Assert.Equal(ProxyHeaderStatus.NeedMore, Parse(bytes[..cut], out _));

            // The same bytes in two segments, with the next protocol's first ones behind them.
            Assert.Equal(ProxyHeaderStatus.Done, ProxyHeader.TryParse(Split([.. bytes, .. "GET"u8], cut), out var header));
            Assert.Equal(bytes.Length, header.Length);
            Assert.Equal(source, header.Source?.ToString());
            Assert.Equal(destination, header.Destination?.ToString());
        }
    }

    private static ProxyHeaderStatus Parse(byte[] bytes, out ProxyHeader header) =>
        ProxyHeader.TryParse(new ReadOnlySequence<byte>(bytes), out header);

    private static ReadOnlySequence<byte> Split(byte[] bytes, int at)
    {
        var first = new Segment(bytes.AsMemory(0, at), null);
        var last = new Segment(bytes.AsMemory(at), first);
        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    internal static byte[] Binary(byte command, byte family, byte[] body)
    {
        byte[] header = [.. Signature, command, family, 0, 0, .. body];
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(14), (ushort)body.Length);
        return header;
    }

    internal static byte[] V4() =>
        [.. IPAddress.Parse("192.0.2.1").GetAddressBytes(), .. IPAddress.Parse("198.51.100.2").GetAddressBytes(), 0xDC, 0x04, 0x01, 0xBB];

    private static byte[] V6() =>
        [.. IPAddress.Parse("2001:db8::1").GetAddressBytes(), .. IPAddress.Parse("2001:db8::2").GetAddressBytes(), 0xDC, 0x04, 0x01, 0xBB];

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, Segment? before)
        {
            Memory = memory;
            if (before is not null)
            {
                RunningIndex = before.RunningIndex + before.Memory.Length;
                before.Next = this;
            }
        }
    }
}
