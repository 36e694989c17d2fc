using System.Buffers;
using System.Text;
using Relay.Streams.Wire;

namespace Relay.Tests.Streams.Wire;

public class UpgradeRequestHeadTests
{
    [Fact]
    public void TheHeadIsWrittenAsGiven()
    {
        var writer = new ArrayBufferWriter<byte>();
        var status = UpgradeRequestHead.TryWrite(
            writer, "/api/v2/x?y=%20", [new("Host", "a:1"), new("X-Name", "caf\u00e9\tz"), new("Empty", "")]);
        Assert.Equal(HeadWriteStatus.Written, status);
        Assert.Equal(
            "GET /api/v2/x?y=%20 HTTP/1.1\r\nHost: a:1\r\nX-Name: caf\u00e9\tz\r\nEmpty: \r\n\r\n",
            Encoding.Latin1.GetString(writer.WrittenSpan));
    }

    [Theory]
    [InlineData("", "A", "b", HeadWriteStatus.BadTarget)]
    [InlineData("x", "A", "b", HeadWriteStatus.BadTarget)]
    [InlineData("http://h/x", "A", "b", HeadWriteStatus.BadTarget)]
    [InlineData("/a b", "A", "b", HeadWriteStatus.BadTarget)]
    [InlineData("/a\r\nX: y", "A", "b", HeadWriteStatus.BadTarget)]
    [InlineData("/a\0", "A", "b", HeadWriteStatus.BadTarget)]
    [InlineData("/\u00e9", "A", "b", HeadWriteStatus.BadTarget)]
    [InlineData("/", "", "b", HeadWriteStatus.BadHeaderName)]
    [InlineData("/", "A ", "b", HeadWriteStatus.BadHeaderName)]
    [InlineData("/", "A:", "b", HeadWriteStatus.BadHeaderName)]
    [InlineData("/", "A\r\nB", "b", HeadWriteStatus.BadHeaderName)]
    [InlineData("/", "\u00c4", "b", HeadWriteStatus.BadHeaderName)]
    [InlineData("/", "A", "b\r\nC: d", HeadWriteStatus.BadHeaderValue)]
    [InlineData("/", "A", "b\n", HeadWriteStatus.BadHeaderValue)]
    [InlineData("/", "A", "b\r", HeadWriteStatus.BadHeaderValue)]
    [InlineData("/", "A", "b\0", HeadWriteStatus.BadHeaderValue)]
    [InlineData("/", "A", "\u007f", HeadWriteStatus.BadHeaderValue)]
    [InlineData("/", "A", "\u010a", HeadWriteStatus.BadHeaderValue)] // its low byte is a line feed
    [InlineData("/", "Transfer-Encoding", "chunked", HeadWriteStatus.AnnouncesBody)]
    [InlineData("/", "content-length", "5", HeadWriteStatus.AnnouncesBody)]
    public void WhatCouldSplitTheRequestIsRefusedAndNothingIsWritten(string target, string name, string value, HeadWriteStatus expected)
    {
        var writer = new ArrayBufferWriter<byte>();
        Assert.Equal(expected, UpgradeRequestHead.TryWrite(writer, target, [new("Host", "h"), new(name, value)]));
        Assert.Equal(0, writer.WrittenCount);
    }
}
