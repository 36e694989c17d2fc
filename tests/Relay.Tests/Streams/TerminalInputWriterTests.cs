using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using Relay.Streams;
using Relay.Streams.Resumption;

namespace Relay.Tests.Streams;

/// <summary>Input from a terminal's client to its API servers, with its bytes cut and servers lost at every point.</summary>
public sealed class TerminalInputWriterTests : IDisposable
{
    private readonly CancellationTokenSource _leaves = new();
    private readonly PipeTransport _first = new();
    private readonly PipeTransport _second = new();
    private readonly TerminalInputWriter _writer;

    public TerminalInputWriterTests() => _writer = new TerminalInputWriter(_first, _leaves);

    public void Dispose()
    {
        _writer.Complete();
        _leaves.Dispose();
    }

    [Fact]
    public async Task FramesPassAsTheyAreWhereverTheyAreCut()
    {
        byte[] bytes =
        [
            .. Frames.Make(Frames.Binary, 300, masked: true, final: false), .. Frames.Make(Frames.Ping, 125, masked: true),
            .. Frames.Make(0, 0, masked: true),
            .. Frames.Make(Frames.Text, 20, masked: true, lengthBytes: 8), .. Frames.Make(Frames.Ping, 0, masked: true),
            .. Frames.CloseWith(1000, masked: true),
        ];
        for (var cut = 0; cut <= bytes.Length; cut++)
        {
            foreach (var isCopied in new[] { false, true })
            {
                using var leaves = new CancellationTokenSource();
                var server = new PipeTransport();
                var writer = new TerminalInputWriter(server, leaves);
                await WriteAsync(writer, bytes[..cut], isCopied);
                await WriteAsync(writer, bytes[cut..], isCopied);
                Assert.Equal(bytes, Got(server));
                Assert.True(leaves.IsCancellationRequested);
            }
        }

        foreach (var value in bytes)
        {
            await WriteAsync(_writer, [value], isCopied: false);
        }

        Assert.Equal(bytes, Got(_first));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task AServerLostAnywhereIsFollowedByOneThatGetsWholeObjectsOnly(bool isCopied)
    {
        const string First = "{\"data\":\"a}\\\"{\",\"height\":40,\"width\":120}";
        const string Second = "{\"data\":\"second\"}";
        var text = Encoding.ASCII.GetBytes(First + Second);
        foreach (var split in new[] { 1, First.Length - 1, First.Length, First.Length + 3 })
        {
            byte[] bytes =
            [
                .. Frames.Make(Frames.Binary, text[..split], masked: true, final: false), .. Frames.Make(Frames.Ping, 4, masked: true),
                .. Frames.Make(0, text[split..], masked: true),
            ];
            for (var cut = 0; cut <= bytes.Length; cut++)
            {
                var (server, next) = (new PipeTransport(), new PipeTransport());
                var writer = new TerminalInputWriter(server, _leaves);
                await WriteAsync(writer, bytes[..cut], isCopied);
                await writer.DetachAsync().Soon();
                await writer.AttachAsync(next).Soon();
                var before = Got(server);
                await WriteAsync(writer, bytes[cut..], isCopied);
                Assert.Empty(Got(server));
                Assert.Equal(bytes[..before.Length], before);
                var typed = Math.Clamp(cut - 6, 0, split) + Math.Max(0, cut - 22 - split);
                var size = typed >= First.Length ? "{\"height\":40,\"width\":120}" : "";
                Assert.Equal(
                    typed == 0 ? First + Second : typed <= First.Length ? size + Second : size,
                    string.Concat(TerminalFramesTests.Messages(Got(next)).Select(Encoding.ASCII.GetString)));
            }
        }
    }

    [Fact]
    public async Task AServerThatDoesNotReadHoldsTheClientUpUntilItIsLeft()
    {
        var half = Frames.Make(Frames.Binary, [.. "{\"data\":\""u8, .. new string('x', 100_000).Select(static x => (byte)x)], masked: true);
        var writing = _writer.WriteAsync(half, CancellationToken.None).AsTask();
        var leaving = _writer.DetachAsync();
        Assert.False(writing.IsCompleted || leaving.IsCompleted);
        _first.Output.CancelPendingFlush();
        var flushed = await writing.Soon();
        Assert.Equal((false, false), (flushed.IsCanceled, flushed.IsCompleted));
        await leaving.Soon();
        await WriteAsync(_writer, Frames.Make(Frames.Binary, "dropped"u8.ToArray(), masked: true), isCopied: false);
        await _writer.AttachAsync(_second).Soon();
        await WriteAsync(_writer, Frames.Make(Frames.Binary, "cut\"}{\"data\":\"kept\"}"u8.ToArray(), masked: true), isCopied: false);
        Assert.Equal("{\"data\":\"kept\"}", Encoding.ASCII.GetString(Assert.Single(TerminalFramesTests.Messages(Got(_second)))));
    }

    [Fact]
    public async Task ClientsWaitWhileAServerOnASocketDoesNotReadAndGoOnOnceItIsLeft()
    {
        var (near, _) = await Loopback.PairAsync(buffers: 16 * 1024);
        await using var first = new SocketTransport(near);
        await using var rig = new StreamRig();
        await using var terminal = new ResumableServer(
            first,
            _ => Task.FromResult<AttachResult>(new AttachResult.Attached(_second)),
            new ResumeOptions { FirstPause = TimeSpan.Zero },
            new StreamMetrics(rig.Meters),
            rig.Clock);
        terminal.BeginRelay();
        var reading = ReadToResumedAsync(terminal.Input);
        var piece = Frames.Make(Frames.Binary, new byte[60_000], masked: true);
        ValueTask<FlushResult> write;
        while ((write = terminal.Output.WriteAsync(piece, CancellationToken.None)).IsCompleted)
        {
            Assert.False((await write).IsCompleted);
        }

        terminal.AbandonServer();
        Assert.False((await write.Soon()).IsCompleted);
        await reading.Soon();
        await WriteAsync(terminal.Output, Frames.Make(Frames.Binary, "{}"u8.ToArray(), masked: true), isCopied: false);
        Assert.Equal("{}"u8.ToArray(), Assert.Single(TerminalFramesTests.Messages(Got(_second))));
    }

    [Fact]
    public async Task ASizeThatIsToldWhileAServerIsGivenIsToldToIt()
    {
        await _writer.DetachAsync().Soon();
        await WriteAsync(_writer, Frames.Make(Frames.Binary, "{\"height\":1,\"width\":2}"u8.ToArray(), masked: true), isCopied: false);

        // The pipe is almost full, so sending the size waits until the server reads.
        await WriteAsync(_second.Output, Frames.Make(Frames.Binary, (64 * 1024) - 21, masked: true), isCopied: false);
        var giving = _writer.AttachAsync(_second);
        Assert.False(giving.IsCompleted);
        await WriteAsync(_writer, Frames.Make(Frames.Binary, "{\"height\":3,\"width\":4}"u8.ToArray(), masked: true), isCopied: false);
        var before = Got(_second);
        await giving.Soon();
        await WriteAsync(_writer, Frames.Make(Frames.Binary, "{\"data\":\"x\"}"u8.ToArray(), masked: true), isCopied: false);
        byte[] told = [.. before.AsSpan((64 * 1024) - 21 + 8), .. Got(_second)];
        Assert.Equal(
            "{\"height\":1,\"width\":2}{\"height\":3,\"width\":4}{\"data\":\"x\"}",
            string.Concat(TerminalFramesTests.Messages(told).Select(Encoding.ASCII.GetString)));
    }

    [Fact]
    public async Task BytesThatAreNoFramesEndTheWriting()
    {
        Assert.True((await _writer.WriteAsync(new byte[] { 0x82 }, CancellationToken.None)) is { IsCompleted: false });
        Assert.True(
            (await _writer.WriteAsync(new byte[] { 0x80, 1, 2, 3, 4, 0xFF, 0x80 }, CancellationToken.None)) is { IsCompleted: true });
        Assert.True(_leaves.IsCancellationRequested);
    }

    private static async Task WriteAsync(PipeWriter writer, byte[] bytes, bool isCopied)
    {
        if (isCopied)
        {
            writer.Write(bytes);
        }

        var flushed = isCopied
            ? await writer.FlushAsync(CancellationToken.None).Soon()
            : await writer.WriteAsync(bytes, CancellationToken.None).Soon();
        Assert.Equal((false, false), (flushed.IsCanceled, flushed.IsCompleted));
    }

    /// <summary>What a server has got since it was asked last.</summary>
    private static byte[] Got(PipeTransport server)
    {
        if (!server.Receive.TryRead(out var result))
        {
            return [];
        }

        var bytes = result.Buffer.ToArray();
        server.Receive.AdvanceTo(result.Buffer.End);
        return bytes;
    }

    private static async Task ReadToResumedAsync(PipeReader input)
    {
        var text = "";
        while (!text.Contains("resumed]", StringComparison.Ordinal))
        {
            var result = await input.ReadAsync(CancellationToken.None);
            text += Encoding.Latin1.GetString(result.Buffer);
            input.AdvanceTo(result.Buffer.End);
        }
    }
}
