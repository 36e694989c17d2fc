using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Relay.Streams;
using Relay.Streams.Resumption;

namespace Relay.Tests.Streams;

/// <summary>Output from API servers to a terminal's client, with its bytes cut and servers lost at every point.</summary>
public sealed class TerminalOutputReaderTests : IDisposable
{
    private const int Awaited = 32 * 1024;

    private readonly TestMeters _meters = new();
    private readonly ManualTimeProvider _clock = new();

    public void Dispose() => _meters.Dispose();

    [Theory]
    [InlineData(false, int.MaxValue)]
    [InlineData(false, 7)]
    [InlineData(true, int.MaxValue)]
    [InlineData(true, 7)]
    public async Task AServerLostAnywhereLeavesWholeFramesAndEveryByteItSent(bool isLeft, int piece)
    {
        (byte[] Bytes, int Payload)[] frames =
        [
            Data(Frames.Text, 5), Data(Frames.Binary, 200, final: false), (Frames.Make(Frames.Ping, 3, masked: false), 0),
            Data(0, 130, final: false), Data(0, 0),
            Data(Frames.Binary, Awaited + 1), Data(Frames.Binary, 10),
        ];
        var bytes = frames.SelectMany(static frame => frame.Bytes).ToArray();
        int[] cuts =
        [
            .. Enumerable.Range(0, 380), .. Enumerable.Range(1, 16).Select(static i => 380 + (i * 2000)),
            .. Enumerable.Range(bytes.Length - 16, 17),
        ];
        foreach (var cut in cuts)
        {
            var (first, second) = (new PipeTransport(), new PipeTransport());
            await using var terminal = Start(first, second);
            await SendAsync(second, Frames.Make(Frames.Binary, "next"u8.ToArray(), masked: false));
            var seeing = SeeAsync(terminal.Input, "next");
            foreach (var part in bytes[..cut].Chunk(cut < 400 ? piece : cut))
            {
                await SendAsync(first, part);
            }

            await (isLeft ? LeaveAsync(terminal) : first.Send.CompleteAsync());
            var seen = TerminalFramesTests.Messages((await seeing.Soon()).ToArray());
            var (sent, start) = (new List<byte>(), 0);
            foreach (var (frame, payload) in frames)
            {
                var header = frame.Length - payload;
                sent.AddRange(frame.AsSpan(header, payload == 0 ? 0 : Math.Clamp(cut - start - header, 0, payload)));
                start += frame.Length;
            }

            Assert.Equal(sent, seen.SkipLast(3).SelectMany(static message => message));
            Assert.Equal([ResumeMessages.Paused, ResumeMessages.Resumed, "next"u8.ToArray()], seen.TakeLast(3));
        }

        static async ValueTask LeaveAsync(ResumableServer terminal)
        {
            await Task.Yield();
            terminal.AbandonServer();
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task WhatComesBetweenAReadAndLeavingTheServerReachesTheClient(bool isTried)
    {
        var frame = Frames.Make(Frames.Binary, "0123456789"u8.ToArray(), masked: false);
        var (first, second) = (new PipeTransport(), new PipeTransport());
        await using var terminal = Start(first, second);
        await SendAsync(second, Frames.Make(Frames.Binary, "next"u8.ToArray(), masked: false));
        await SendAsync(first, frame[..5]);
        first.AfterRead = () =>
        {
            first.Send.Write(frame.AsSpan(5, 4));
            Assert.True(first.Send.FlushAsync().AsTask().IsCompletedSuccessfully);
            terminal.AbandonServer();
        };
        if (isTried && terminal.Input.TryRead(out var result))
        {
            terminal.Input.AdvanceTo(result.Buffer.Start);
        }

        var messages = TerminalFramesTests.Messages((await SeeAsync(terminal.Input, "next").Soon()).ToArray());
        Assert.Equal(["0123456"u8.ToArray(), ResumeMessages.Paused, ResumeMessages.Resumed, "next"u8.ToArray()], messages);
    }

    [Fact]
    public async Task WhatCameOfAFrameBeforeAResetReachesTheClient()
    {
        var frame = Frames.Make(Frames.Binary, "0123456789"u8.ToArray(), masked: false);
        for (var cut = 0; cut < frame.Length; cut++)
        {
            var (near, server) = await Loopback.PairAsync();
            var (nearSecond, second) = await Loopback.PairAsync();
            await using var first = new SocketTransport(near);
            await using var terminal = Start(first, new SocketTransport(nearSecond));
            terminal.BeginRelay();
            second.Send(Frames.Make(Frames.Binary, "next"u8.ToArray(), masked: false));
            var seeing = SeeAsync(terminal.Input, "next");
            server.Send(Frames.Make(Frames.Ping, 0, masked: false));
            server.Send(frame.AsSpan(0, cut));
            StreamRig.Reset(server);
            var messages = TerminalFramesTests.Messages((await seeing.Soon()).ToArray());
            Assert.Equal("0123456789"[..Math.Max(0, cut - 2)], cut > 2 ? Encoding.ASCII.GetString(messages[0]) : "");
            Assert.Equal(cut > 2 ? 4 : 3, messages.Count);
            second.Dispose();
        }
    }

    [Fact]
    public async Task AShortFrameIsAwaitedWholeAndPassesAsItIs()
    {
        var frame = Frames.Make(Frames.Binary, Awaited, masked: false);
        var server = new PipeTransport();
        await using var terminal = Start(server, new PipeTransport());
        await SendAsync(server, frame[..2]);
        await SendAsync(server, frame[2..100]);
        Assert.False(terminal.Input.TryRead(out _));
        await SendAsync(server, frame[100..^1]);
        Assert.False(terminal.Input.TryRead(out _));
        var reading = terminal.Input.ReadAsync(CancellationToken.None).AsTask();
        Assert.False(reading.IsCompleted);
        await SendAsync(server, frame[^1..]);
        var result = await reading.Soon();
        Assert.Equal(frame, result.Buffer.ToArray());
        terminal.Input.AdvanceTo(result.Buffer.End);
    }

    [Fact]
    public async Task ALongFrameIsShownAsItComes()
    {
        var frame = Frames.Make(Frames.Binary, Awaited + 1024, masked: false);
        var server = new PipeTransport();
        await using var terminal = Start(server, new PipeTransport());
        var seen = new List<byte>();
        var before = Frames.Make(Frames.Binary, 10, masked: false);
        await SendAsync(server, [.. before, .. frame[..4]]);
        Assert.Equal(before, await SeeNextAsync());
        Assert.False(terminal.Input.TryRead(out _));
        foreach (var (from, to) in new[] { (4, 5), (5, 9), (9, 20_000), (20_000, frame.Length - 1), (frame.Length - 1, frame.Length) })
        {
            await SendAsync(server, frame[from..to]);
            var part = await SeeNextAsync();
            Assert.Equal(to == frame.Length ? 0x80 : 0, part[0] & 0x80);
            Assert.Equal(to - from, part.Length - (to - from < 126 ? 2 : 4));
            seen.AddRange(part);
        }

        Assert.Equal(frame[4..], Assert.Single(TerminalFramesTests.Messages(seen.ToArray())));

        // A partial frame behind a whole one: the whole one is delivered without waiting.
        await SendAsync(server, [.. before, .. frame[..5]]);
        Assert.Equal(before, await SeeNextAsync());
        Assert.Equal([2, 1, frame[4]], await SeeNextAsync());

        async Task<byte[]> SeeNextAsync()
        {
            var result = await terminal.Input.ReadAsync(CancellationToken.None).Soon();
            var bytes = result.Buffer.ToArray();
            terminal.Input.AdvanceTo(result.Buffer.End);
            return bytes;
        }
    }

    [Fact]
    public async Task ABulkTransferOverASocketPassesUnchanged()
    {
        var (near, server) = await Loopback.PairAsync();
        await using var first = new SocketTransport(near);
        await using var terminal = Start(first, new PipeTransport());
        terminal.BeginRelay();
        byte[] round =
        [
            .. Frames.Make(Frames.Binary, Awaited, masked: false), .. Frames.Make(Frames.Text, 0, masked: false),
            .. Frames.Make(Frames.Binary, 10_001, masked: false), .. Frames.Make(Frames.Ping, 9, masked: false),
        ];
        byte[] bytes = [.. Enumerable.Repeat(round, 100).SelectMany(static frames => frames)];
        var sending = StreamRig.SendAsync(server, bytes);
        var seen = new List<byte>();
        while (seen.Count < bytes.Length)
        {
            var result = await terminal.Input.ReadAsync(CancellationToken.None).Soon();
            seen.AddRange(result.Buffer.ToArray());
            terminal.Input.AdvanceTo(result.Buffer.End);
        }

        await sending.Soon();
        Assert.Equal(bytes, seen);
        server.Dispose();
    }

    [Fact]
    public async Task ACancelledReadIsAHintWhereverItWaits()
    {
        var (first, second) = (new PipeTransport(), new PipeTransport());
        var attach = new TaskCompletionSource<AttachResult>();
        await using var terminal = Start(first, attach.Task);
        await CancelAsync();
        await SendAsync(first, Frames.Make(Frames.Binary, "one"u8.ToArray(), masked: false));
        await SeeAsync(terminal.Input, "one").Soon();
        await first.Send.CompleteAsync();
        await SeeAsync(terminal.Input, "discarded]").Soon();
        await CancelAsync();
        attach.SetResult(new AttachResult.Attached(second));
        await SeeAsync(terminal.Input, "resumed]").Soon();
        await CancelAsync();
        await SendAsync(second, Frames.Make(Frames.Binary, "two"u8.ToArray(), masked: false));
        await SeeAsync(terminal.Input, "two").Soon();

        async Task CancelAsync()
        {
            // A cancel before the read and one during it; afterwards the read waits again.
            terminal.Input.CancelPendingRead();
            var before = await terminal.Input.ReadAsync(CancellationToken.None).Soon();
            terminal.Input.AdvanceTo(before.Buffer.End);
            var reading = terminal.Input.ReadAsync(CancellationToken.None).AsTask();
            Assert.False(reading.IsCompleted);
            terminal.Input.CancelPendingRead();
            var result = await reading.Soon();
            Assert.All(
                [before, result],
                static read => Assert.Equal((true, false, 0), (read.IsCanceled, read.IsCompleted, read.Buffer.Length)));
            terminal.Input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        }
    }

    [Fact]
    public void WholeFramesPassUnchangedInAnyPieces()
    {
        var frames = Gen.Choose(0, 300).ListOf();
        var steps = Gen.Choose(1, 500).NonEmptyListOf();
        Prop.ForAll(frames.Zip(steps).ToArbitrary(), drawn =>
        {
            var bytes = drawn.Item1.SelectMany(static length => Frames.Make(
                (byte)(length % 9 == 0 ? Frames.Ping : Frames.Binary), length % 9 == 0 ? length % 126 : length, masked: false)).ToArray();
            var server = new PipeTransport();
            var terminal = Start(server, new PipeTransport());
            var seen = new List<byte>();
            for (var (at, i) = (0, 0); at < bytes.Length; i++)
            {
                var step = Math.Min(drawn.Item2[i % drawn.Item2.Count], bytes.Length - at);
                server.Send.Write(bytes.AsSpan(at, step));
                Assert.True(server.Send.FlushAsync().AsTask().IsCompletedSuccessfully);
                at += step;
                if (terminal.Input.TryRead(out var result))
                {
                    var part = result.Buffer.Slice(0, Math.Min(result.Buffer.Length, step));
                    seen.AddRange(part.ToArray());
                    terminal.Input.AdvanceTo(part.End);
                }
            }

            while (terminal.Input.TryRead(out var result))
            {
                seen.AddRange(result.Buffer.ToArray());
                terminal.Input.AdvanceTo(result.Buffer.End);
            }

            Assert.Equal(bytes, seen);
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public async Task BytesThatAreNoFramesEndTheTerminal()
    {
        var server = new PipeTransport();
        await using var terminal = Start(server, new PipeTransport());
        await SendAsync(server, [.. Frames.Make(Frames.Binary, "right"u8.ToArray(), masked: false), 0xFF, 0xFF]);
        await SeeAsync(terminal.Input, "right").Soon();
        await Assert.ThrowsAsync<IOException>(() => terminal.Input.ReadAsync(CancellationToken.None).Soon());
    }

    private static (byte[] Bytes, int Payload) Data(byte opcode, int length, bool final = true) =>
        (Frames.Make(opcode, length, masked: false, final), length);

    private ResumableServer Start(StreamTransport first, StreamTransport second) =>
        Start(first, Task.FromResult<AttachResult>(new AttachResult.Attached(second)));

    private ResumableServer Start(StreamTransport first, Task<AttachResult> attached) =>
        new(first, _ => attached, new ResumeOptions { FirstPause = TimeSpan.Zero }, new StreamMetrics(_meters), _clock);

    private static async Task SendAsync(PipeTransport server, byte[] bytes) =>
        await server.Send.WriteAsync(bytes, TestContext.Current.CancellationToken);

    /// <summary>Reads until this text has come.</summary>
    private static async Task<List<byte>> SeeAsync(PipeReader input, string text)
    {
        var seen = new List<byte>();
        while (!Encoding.Latin1.GetString(seen.ToArray().AsSpan(Math.Max(0, seen.Count - 100))).Contains(text, StringComparison.Ordinal))
        {
            var result = await input.ReadAsync(CancellationToken.None);
            Assert.False(result.IsCompleted);
            seen.AddRange(result.Buffer.ToArray());
            input.AdvanceTo(result.Buffer.End);
        }

        return seen;
    }
}
