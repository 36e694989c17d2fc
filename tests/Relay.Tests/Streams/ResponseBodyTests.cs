using System.IO.Pipelines;
using System.Text;
using Relay.Streams;
using Relay.Streams.Wire;

namespace Relay.Tests.Streams;

public class ResponseBodyTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("5\r\nhello\r\n0\r\n\r\n", BodyCopyResult.Complete, "hello")]
    [InlineData("5;x=\"y\"\r\nhello\r\n00A \r\n0123456789\r\n0\r\nT: r\r\nU: s\r\n\r\nrest", BodyCopyResult.Complete, "hello0123456789")]
    [InlineData("5\r\nhel", BodyCopyResult.Truncated, "hel")]
    [InlineData("5\r\nhello\r\n0\r\n", BodyCopyResult.Truncated, "hello")]
    [InlineData("5\nhello\r\n0\r\n\r\n", BodyCopyResult.Invalid, "")]
    [InlineData("5\r\nhelloX\r\n0\r\n\r\n", BodyCopyResult.Invalid, "hello")]
    [InlineData("\r\n", BodyCopyResult.Invalid, "")]
    [InlineData("-5\r\nhello\r\n", BodyCopyResult.Invalid, "")]
    [InlineData("0x5\r\nhello\r\n", BodyCopyResult.Invalid, "")]
    [InlineData("fffffffffffffffff\r\n", BodyCopyResult.Invalid, "")]
    [InlineData("5;\n\r\nhello\r\n", BodyCopyResult.Invalid, "")]
    [InlineData("0\r\nT: \n\r\n\r\n", BodyCopyResult.Invalid, "")]
    public async Task ChunksAreTakenOffAtEveryCut(string wire, BodyCopyResult expected, string body)
    {
        for (var cut = 0; cut <= wire.Length; cut++)
        {
            var (result, copied) = await CopyAsync(new ResponseFraming(BodyKind.Chunked, 0), wire[..cut], wire[cut..]);
            Assert.Equal((expected, body), (result, copied));
        }
    }

    [Fact]
    public async Task EndlessChunkLinesAndTrailersAreInvalid()
    {
        var chunked = new ResponseFraming(BodyKind.Chunked, 0);
        Assert.Equal(BodyCopyResult.Invalid, (await CopyAsync(chunked, "5;" + new string('x', 5_000))).Result);
        Assert.Equal(
            BodyCopyResult.Invalid,
            (await CopyAsync(chunked, "0\r\n" + string.Concat(Enumerable.Repeat("A: b\r\n", 5_000)))).Result);
    }

    [Theory]
    [InlineData(BodyKind.Length, 5, "hello!", BodyCopyResult.Complete, "hello")]
    [InlineData(BodyKind.Length, 5, "hell", BodyCopyResult.Truncated, "hell")]
    [InlineData(BodyKind.Length, 0, "", BodyCopyResult.Complete, "")]
    [InlineData(BodyKind.None, 0, "hello", BodyCopyResult.Complete, "")]
    [InlineData(BodyKind.UntilClose, 0, "hello", BodyCopyResult.Complete, "hello")]
    public async Task EachFramingEndsWhereItShould(BodyKind kind, long length, string wire, BodyCopyResult expected, string body) =>
        Assert.Equal((expected, body), await CopyAsync(new ResponseFraming(kind, length), wire));

    [Fact]
    public async Task ABrokenConnectionIsATruncatedBody()
    {
        var pipe = new Pipe();
        await pipe.Writer.WriteAsync("hel"u8.ToArray(), Token);
        await pipe.Writer.CompleteAsync(new IOException("reset"));
        var body = new ResponseBody(pipe.Reader, new ResponseFraming(BodyKind.UntilClose, 0));
        Assert.Equal(BodyCopyResult.Truncated, await body.CopyToAsync(new MemoryStream(), Token));
    }

    [Theory]
    [InlineData("Content-Length: 5", BodyKind.Length, 5)]
    [InlineData("Content-Length: 5|Content-Length: 5", BodyKind.Length, 5)]
    [InlineData("Content-Length: 5, 5", BodyKind.Length, 5)]
    [InlineData("Transfer-Encoding: Chunked", BodyKind.Chunked, 0)]
    [InlineData("", BodyKind.UntilClose, 0)]
    [InlineData("Content-Length: 5|Content-Length: 6", null, 0)]
    [InlineData("Content-Length: +5", null, 0)]
    [InlineData("Content-Length: ", null, 0)]
    [InlineData("Content-Length: 9999999999999999999", null, 0)]
    [InlineData("Content-Length: 5|Transfer-Encoding: chunked", null, 0)]
    [InlineData("Transfer-Encoding: chunked|Transfer-Encoding: chunked", null, 0)]
    [InlineData("Transfer-Encoding: gzip, chunked", null, 0)]
    [InlineData("Transfer-Encoding: identity", null, 0)]
    public void TheFramingIsDecidedOrRefused(string headers, BodyKind? kind, long length)
    {
        HttpHeader[] list = [.. headers.Split('|', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(": "))
            .Select(parts => new HttpHeader(parts[0], parts[1]))];
        Assert.Equal(kind is not null, ResponseFraming.TryDecide(new ResponseHead(1, 403, "", list), out var framing));
        Assert.Equal(new ResponseFraming(kind ?? BodyKind.None, length), framing);
    }

    [Theory]
    [InlineData(204)]
    [InlineData(304)]
    public void SomeStatusesHaveNoBody(int status)
    {
        Assert.True(ResponseFraming.TryDecide(new ResponseHead(1, status, "", [new("Content-Length", "5")]), out var framing));
        Assert.Equal(BodyKind.None, framing.Kind);
    }

    private static async Task<(BodyCopyResult Result, string Body)> CopyAsync(ResponseFraming framing, params string[] pieces)
    {
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 0));
        var copied = new MemoryStream();
        var copying = new ResponseBody(pipe.Reader, framing).CopyToAsync(copied, Token);
        foreach (var piece in pieces)
        {
            await pipe.Writer.WriteAsync(Encoding.Latin1.GetBytes(piece), Token);
        }

        await pipe.Writer.CompleteAsync();
        return (await copying, Encoding.Latin1.GetString(copied.ToArray()));
    }
}
