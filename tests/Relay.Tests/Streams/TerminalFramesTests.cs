using System.Buffers;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Relay.Streams.Resumption;

namespace Relay.Tests.Streams;

/// <summary>Frames of a terminal whose API server is lost in the middle of one, cut at every byte.</summary>
public sealed class TerminalFramesTests
{
    [Fact]
    public void ALostServersOutputEndsOnABoundaryWhereverItIsCut()
    {
        byte[] bytes =
        [
            .. Frames.Make(Frames.Binary, 200, masked: false, final: false), .. Frames.Make(0, 5, masked: false),
            .. Frames.Make(Frames.Ping, 3, masked: false),
        ];
        byte[] next = Frames.Make(Frames.Binary, "next"u8.ToArray(), masked: false);
        for (var cut = 0; cut <= bytes.Length; cut++)
        {
            var frames = new TerminalOutputFrames();
            var output = new ArrayBufferWriter<byte>();
            frames.EndServer(Pass(frames, new ReadOnlySequence<byte>(bytes, 0, cut), output), output);
            Assert.True(Pass(frames, new ReadOnlySequence<byte>(next), output).IsEmpty);
            var messages = Messages(output.WrittenSpan);
            Assert.Equal("next", Encoding.ASCII.GetString(messages[^1]));
            Assert.InRange(messages.Count, 1, 2);
        }
    }

    [Theory]
    [InlineData(1000, false)]
    [InlineData(1001, true)]
    [InlineData(1011, false)]
    [InlineData(1012, true)]
    [InlineData(1013, true)]
    public void OnlyACloseOfAServerThatGoesIsKeptFromTheClient(int code, bool isKept)
    {
        var close = Frames.CloseWith((ushort)code, masked: false);
        for (var cut = 0; cut < close.Length; cut++)
        {
            Assert.Equal(0, new TerminalOutputFrames().Take(new ReadOnlySequence<byte>(close, 0, cut), out var status));
            Assert.Equal(OutputStatus.More, status);
        }

        var frames = new TerminalOutputFrames();
        Assert.Equal(isKept ? 0 : close.Length, frames.Take(new ReadOnlySequence<byte>(close), out var next));
        Assert.Equal(isKept ? OutputStatus.GoingAway : OutputStatus.More, next);
        Assert.Equal(!isKept, frames.IsClosed);
    }

    [Fact]
    public void AnObjectCutByTheOutageIsDroppedWholeAndTheNextOneKept()
    {
        const string First = "{\"data\":\"a}\\\"{\",\"height\":40,\"width\":120}";
        const string Second = "{\"data\":\"second\"}";
        foreach (var split in new[] { 1, 7, First.Length - 1, First.Length, First.Length + 3 })
        {
            var text = Encoding.ASCII.GetBytes(First + Second);
            byte[] bytes =
            [
                .. Frames.Make(Frames.Binary, text[..split], masked: true, final: false), .. Frames.Make(0, text[split..], masked: true),
            ];
            for (var cut = 0; cut <= bytes.Length; cut++)
            {
                var frames = new TerminalInputFrames();
                var taken = Take(frames, bytes.AsSpan(0, cut), new ArrayBufferWriter<byte>());
                var output = new ArrayBufferWriter<byte>();
                BeginServer(frames, output);
                Assert.Equal(bytes.Length - taken, Take(frames, bytes.AsSpan(taken), output));
                Assert.Equal((40, 120), frames.LastSize);
                var got = string.Concat(Messages(output.WrittenSpan).Select(Encoding.ASCII.GetString));
                var typed = Math.Clamp(cut - 6, 0, split) + Math.Max(0, cut - 12 - split);
                var size = typed >= First.Length ? "{\"height\":40,\"width\":120}" : "";
                Assert.Equal(typed == 0 ? First + Second : typed <= First.Length ? size + Second : size, got);
            }
        }
    }

    [Theory]
    [InlineData("{\"height\":30,\"width\":90}", 30, 90)]
    [InlineData("{ \"HEIGHT\" : 30 , \"Width\" : 90 } {\"height\":31}", 30, 90)]
    [InlineData("{\"data\":\"{\\\"height\\\":1,\\\"width\\\":2}\",\"height\":5,\"width\":6}", 5, 6)]
    [InlineData("{\"x\":{\"height\":1,\"width\":2}}", 0, 0)]
    [InlineData("{\"height\":0,\"width\":9}", 0, 0)]
    [InlineData("{\"height\":65536,\"width\":9}", 0, 0)]
    [InlineData("{\"height\":-5,\"width\":9}", 0, 0)]
    [InlineData("{\"height\":1e1,\"width\":9}", 0, 0)]
    [InlineData("{\"height\":99999999999999999999,\"width\":9}", 0, 0)]
    [InlineData("{\"data\":\"a long paste \\\" of {\\\\\", \"height\":30,\"width\":90}", 30, 90)]
    [InlineData("}}]]\"{\"height\":7,\"width\":8}", 7, 8)]
    public void TheLastSizeIsFound(string json, int height, int width)
    {
        var bytes = Encoding.UTF8.GetBytes(json);
        for (var cut = 0; cut <= bytes.Length; cut++)
        {
            var sizes = new TerminalSizes();
            sizes.Take(bytes.AsSpan(0, cut));
            sizes.Take(bytes.AsSpan(cut));
            Assert.Equal(height == 0 ? null : (height, width), sizes.Last);
            Assert.True(sizes.AtBoundary);
        }
    }

    [Fact]
    public void InputReadInPiecesIsReadAsByteByByte()
    {
        var json = Gen.Elements(
            "{", "}", "[", "]", "\"", "\\", ":", ",", "7", " ", "height", "width", "longer than a name",
            "{\"height\":3,\"width\":4}").ListOf();
        var pieces = ArbMap.Default.GeneratorFor<byte>().Select(static size => 1 + (size % 40)).NonEmptyListOf();
        Prop.ForAll(json.Zip(pieces).ToArbitrary(), drawn =>
        {
            var bytes = Encoding.ASCII.GetBytes(string.Concat(drawn.Item1));
            var (whole, inPieces, single) = (new TerminalSizes(), new TerminalSizes(), new TerminalSizes());
            whole.Take(bytes);
            for (var (at, i) = (0, 0); at < bytes.Length; i++)
            {
                var size = Math.Min(drawn.Item2[i % drawn.Item2.Count], bytes.Length - at);
                inPieces.Take(bytes.AsSpan(at, size));
                at += size;
            }

            foreach (var value in bytes)
            {
                single.Take([value]);
            }

            Assert.Equal((single.Last, single.AtBoundary), (whole.Last, whole.AtBoundary));
            Assert.Equal((single.Last, single.AtBoundary), (inPieces.Last, inPieces.AtBoundary));
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void WhatIsKeptFromTheClientIsAllThatIsKept()
    {
        byte[] frames =
        [
            .. Frames.Make(Frames.Binary, 300, masked: false, final: false), .. Frames.Make(Frames.Ping, 4, masked: false),
            .. Frames.Make(0, 0, masked: false),
            .. Frames.Make(Frames.Binary, 10, masked: false),
        ];
        byte[] bytes = [.. frames, .. Frames.CloseWith(1001, masked: false)];
        var terminal = new TerminalOutputFrames();
        Assert.Equal(frames.Length, terminal.Take(new ReadOnlySequence<byte>(bytes), out var next));
        Assert.Equal(OutputStatus.GoingAway, next);
        Assert.False(terminal.IsClosed);
    }

    [Fact]
    public void ControlFramesBeforeAndAfterAnAwaitedObjectPass()
    {
        byte[] ping = Frames.Make(Frames.Ping, 2, masked: true);
        byte[] half = Frames.Make(Frames.Binary, "{\"data\":\"cut "u8.ToArray(), masked: true);
        byte[] next =
        [
            .. Frames.Make(Frames.Binary, "off\"}"u8.ToArray(), masked: true), .. ping,
            .. Frames.Make(Frames.Binary, "{\"data\":\"x\"}"u8.ToArray(), masked: true), .. ping,
        ];
        var frames = new TerminalInputFrames();
        Assert.Equal(half.Length, Take(frames, half, new ArrayBufferWriter<byte>()));
        var output = new ArrayBufferWriter<byte>();
        BeginServer(frames, output);
        byte[] rest = [.. ping, .. next];
        Assert.Equal(rest.Length, Take(frames, rest, output));
        Assert.Equal("{\"data\":\"x\"}", string.Concat(Messages(output.WrittenSpan).Select(Encoding.ASCII.GetString)));
        Assert.Equal(3 * ping.Length, output.WrittenCount - Frames.Make(Frames.Binary, 12, masked: true).Length);
    }

    /// <summary>What the client gets of some bytes, and the rest of them.</summary>
    private static ReadOnlySequence<byte> Pass(TerminalOutputFrames frames, ReadOnlySequence<byte> bytes, ArrayBufferWriter<byte> output)
    {
        var whole = frames.Take(bytes, out var next);
        Assert.Equal(OutputStatus.More, next);
        output.Write(bytes.Slice(0, whole).ToArray());
        return bytes.Slice(whole);
    }

    /// <summary>What a server gets of some bytes, and how many were taken.</summary>
    private static int Take(TerminalInputFrames frames, ReadOnlySpan<byte> bytes, ArrayBufferWriter<byte> output)
    {
        var run = frames.Take(bytes, output);
        Assert.True(run.IsValid);
        output.Write(bytes[run.Start..run.End]);
        return run.End;
    }

    private static void BeginServer(TerminalInputFrames frames, ArrayBufferWriter<byte> output)
    {
        if (frames.LastSize is { } size)
        {
            TerminalInputFrames.WriteSize(output, size);
        }

        frames.BeginServer();
    }

    /// <summary>The data messages of right frames, unmasked; fails where the frames are not right.</summary>
    internal static List<byte[]> Messages(ReadOnlySpan<byte> bytes)
    {
        var messages = new List<byte[]>();
        List<byte>? open = null;
        while (!bytes.IsEmpty)
        {
            var (opcode, final, masked, length, at) = (bytes[0] & 0x0F, (bytes[0] & 0x80) != 0, (bytes[1] & 0x80) != 0, bytes[1] & 0x7F, 2);
            Assert.NotEqual(127, length);
            if (length == 126)
            {
                (length, at) = ((bytes[2] << 8) | bytes[3], 4);
            }

            var key = masked ? bytes.Slice(at, 4).ToArray() : [0, 0, 0, 0];
            at += masked ? 4 : 0;
            var payload = bytes.Slice(at, length).ToArray().Select((value, i) => (byte)(value ^ key[i & 3])).ToArray();
            bytes = bytes[(at + length)..];
            if (opcode >= 8)
            {
                continue;
            }

            Assert.Equal(open is null, opcode != 0);
            (open ??= []).AddRange(payload);
            if (final)
            {
                messages.Add([.. open]);
                open = null;
            }
        }

        Assert.Null(open);
        return messages;
    }
}
