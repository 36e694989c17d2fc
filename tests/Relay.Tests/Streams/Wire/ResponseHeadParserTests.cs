using System.Buffers;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Relay.Streams.Wire;

namespace Relay.Tests.Streams.Wire;

public class ResponseHeadParserTests
{
    private const string Interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
    private const string Final = "HTTP/1.1 403 No way\r\nA: b\r\nEmpty:\r\nC:  d e \t\r\n\r\n";

    [Fact]
    public void AHeadCutAtEveryOffsetNeedsMoreAndThenIsDone()
    {
        var bytes = Encoding.Latin1.GetBytes(Interim + Final + "body");
        var end = bytes.Length - 4;
        for (var cut = 0; cut <= bytes.Length; cut++)
        {
            var status = Parse(new ReadOnlySequence<byte>(bytes, 0, cut), out var head, out var consumed);
            Assert.Equal(cut < end ? HeadParseStatus.NeedMore : HeadParseStatus.Done, status);
            if (status == HeadParseStatus.Done)
            {
                Assert.Equal(end, consumed);
                Assert.Equal((1, 403, "No way"), (head!.MinorVersion, head.Status, head.Reason));
                Assert.Equal([new("A", "b"), new("Empty", ""), new("C", "d e")], head.Headers);
            }
        }
    }

    [Fact]
    public void AHeadInTwoSegmentsSplitAnywhereReadsTheSame()
    {
        var bytes = Encoding.Latin1.GetBytes(Interim + Final);
        for (var cut = 0; cut <= bytes.Length; cut++)
        {
            Assert.Equal(HeadParseStatus.Done, Parse(Segments.Of(bytes[..cut], bytes[cut..]), out var head, out var consumed));
            Assert.Equal(bytes.Length, consumed);
            Assert.Equal(3, head!.Headers.Count);
        }
    }

    [Theory]
    [InlineData("SSH-2.0-OpenSSH")]
    [InlineData("HTTP/2 200 OK\r\n")]
    [InlineData("HTTP/1.2 200 OK\r\n")]
    [InlineData("HTTP/1.1  200 OK\r\n")]
    [InlineData("HTTP/1.1 20 OK\r\n")]
    [InlineData("HTTP/1.1 2000 OK\r\n")]
    [InlineData("HTTP/1.1 099 OK\r\n")]
    [InlineData("HTTP/1.1 +20 OK\r\n")]
    [InlineData("HTTP/1.1 200 OK\n")]
    [InlineData("HTTP/1.1 200 O\0K\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nA: b\nC: d\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nA: b\rC: d\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nA : b\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\n A: b\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\n: b\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nA\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nA: \0\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nA: b\u007f\r\n")]
    [InlineData("HTTP/1.1 100 Continue\r\n\r\nrubbish")]
    public void WhatIsNoHeadIsInvalidAsSoonAsItsLineIsThere(string text) =>
        Assert.Equal(HeadParseStatus.Invalid, Parse(new ReadOnlySequence<byte>(Encoding.Latin1.GetBytes(text)), out _, out _));

    [Fact]
    public void AnEndlessHeadIsTooLarge()
    {
        var limit = ResponseHeadLimits.Default.MaxBytes;
        var bytes = Encoding.ASCII.GetBytes("HTTP/1.1 200 OK\r\nA: " + new string('x', limit));
        Assert.Equal(HeadParseStatus.NeedMore, Parse(new ReadOnlySequence<byte>(bytes, 0, limit - 1), out _, out _));
        Assert.Equal(HeadParseStatus.TooLarge, Parse(new ReadOnlySequence<byte>(bytes, 0, limit), out _, out _));
        Assert.Equal(HeadParseStatus.TooLarge, Parse(Segments.Of(bytes[..10], bytes[10..]), out _, out _));
    }

    [Theory]
    [InlineData(200, HeadParseStatus.Done)]
    [InlineData(201, HeadParseStatus.TooLarge)]
    public void HeadersAreCounted(int count, HeadParseStatus expected)
    {
        var text = "HTTP/1.1 200 OK\r\n" + string.Concat(Enumerable.Repeat("A: b\r\n", count)) + "\r\n";
        Assert.Equal(expected, Parse(new ReadOnlySequence<byte>(Encoding.ASCII.GetBytes(text)), out _, out _));
    }

    [Theory]
    [InlineData(8, HeadParseStatus.Done)]
    [InlineData(9, HeadParseStatus.TooLarge)]
    public void InterimResponsesAreCounted(int count, HeadParseStatus expected)
    {
        var text = string.Concat(Enumerable.Repeat("HTTP/1.1 100 \r\n\r\n", count)) + Final;
        Assert.Equal(expected, Parse(new ReadOnlySequence<byte>(Encoding.ASCII.GetBytes(text)), out _, out _));
    }

    [Fact]
    public void HostileBytesNeverThrow() =>
        Prop.ForAll<byte[], int>((noise, at) =>
        {
            var bytes = Encoding.Latin1.GetBytes(Interim + Final).ToList();
            bytes.InsertRange((int)((uint)at % bytes.Count), noise);
            var array = bytes.ToArray();
            var whole = Parse(new ReadOnlySequence<byte>(array), out _, out var consumed);
            var half = array.Length / 2;
            Assert.Equal(whole, Parse(Segments.Of(array[..half], array[half..]), out _, out var again));
            Assert.Equal(consumed, again);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void HopByHopHeadersStayBehind()
    {
        var head = new ResponseHead(1, 401, "", [
            new("Connection", "close, X-Secret"), new("X-Secret", "1"), new("Transfer-Encoding", "chunked"), new("Content-Length", "4"),
            new("Upgrade", "websocket"), new("WWW-Authenticate", "Basic")]);
        Assert.Equal([new HttpHeader("WWW-Authenticate", "Basic")], head.EndToEndHeaders());
        Assert.Contains(new HttpHeader("Upgrade", "websocket"), (head with { Status = 426 }).EndToEndHeaders());
    }

    private static HeadParseStatus Parse(ReadOnlySequence<byte> input, out ResponseHead? head, out long consumed) =>
        ResponseHeadParser.Parse(input, ResponseHeadLimits.Default, out head, out consumed);
}
