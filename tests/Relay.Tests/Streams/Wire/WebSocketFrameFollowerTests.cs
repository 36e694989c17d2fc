using FsCheck;
using FsCheck.Fluent;
using Relay.Streams.Wire;

namespace Relay.Tests.Streams.Wire;

public class WebSocketFrameFollowerTests
{
    [Fact]
    public void EverySplitOfAFrameSequenceSeesTheSameBoundaries() =>
        Prop.ForAll<int[]>(shapes =>
        {
            var (bytes, boundaries) = Sequence(shapes);
            for (var cut = 0; cut <= bytes.Length; cut++)
            {
                var follower = new WebSocketFrameFollower();
                Check(ref follower, bytes, boundaries, 0, cut);
                Check(ref follower, bytes, boundaries, cut, bytes.Length);
                Assert.True(follower.AtBoundary);
            }
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void ByteByByteIsTheSameAsWhole() =>
        Prop.ForAll<int[]>(shapes =>
        {
            var (bytes, boundaries) = Sequence(shapes);
            var follower = new WebSocketFrameFollower();
            for (var at = 0; at < bytes.Length; at++)
            {
                Check(ref follower, bytes, boundaries, at, at + 1);
                Assert.Equal(boundaries.Contains(at + 1), follower.AtBoundary);
            }
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void HostileBytesGiveAStatusThatDoesNotDependOnTheSplit() =>
        Prop.ForAll<byte[]>(bytes =>
        {
            var whole = new WebSocketFrameFollower();
            var status = whole.Advance(bytes);
            var split = new WebSocketFrameFollower();
            var last = FollowStatus.Ok;
            foreach (var value in bytes)
            {
                last = split.Advance([value]);
            }

            Assert.Equal(status, last);
            Assert.Equal(whole.AtBoundary, split.AtBoundary);
            Assert.Equal(whole.CloseSeen, split.CloseSeen);
            Assert.Equal(whole.CloseCode, split.CloseCode);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(2_000));

    [Theory]
    [InlineData("8300")] // opcode 3
    [InlineData("8700")]
    [InlineData("8b00")]
    [InlineData("8f00")]
    [InlineData("0900")] // a ping that is not final
    [InlineData("0800")]
    [InlineData("897e0080")] // a ping of 128 bytes
    [InlineData("887f")]
    [InlineData("827f8000000000000000")] // top bit of the length
    public void WhatBreaksTheFramingIsAnErrorForEver(string hex)
    {
        var follower = new WebSocketFrameFollower();
        Assert.Equal(FollowStatus.Ok, follower.Advance(Frames.Make(Frames.Text, 20, masked: true)));
        Assert.Equal(FollowStatus.ProtocolError, follower.Advance(Convert.FromHexString(hex)));
        Assert.Equal(FollowStatus.ProtocolError, follower.Advance(Frames.Make(Frames.Text, 20, masked: true)));
        Assert.False(follower.AtBoundary);
    }

    [Fact]
    public void TheLongestLengthIsFollowedWithoutEnd()
    {
        var follower = new WebSocketFrameFollower();
        Assert.Equal(FollowStatus.Ok, follower.Advance(Convert.FromHexString("827f7fffffffffffffff")));
        Assert.Equal(FollowStatus.Ok, follower.Advance(new byte[100_000], out var boundary));
        Assert.Equal(-1, boundary);
        Assert.False(follower.AtBoundary);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void ACloseFrameIsSeenOnlyWhole(bool masked)
    {
        var frame = Frames.CloseWith(1011, masked);
        var follower = new WebSocketFrameFollower();
        follower.Advance(frame.AsSpan(0, frame.Length - 1));
        Assert.False(follower.CloseSeen);
        Assert.Null(follower.CloseCode);
        follower.Advance(frame.AsSpan(frame.Length - 1));
        Assert.True(follower.CloseSeen);
        Assert.Equal(1011, follower.CloseCode);
    }

    [Fact]
    public void ACloseFrameWithoutACodeHasTheCodeForNone()
    {
        var follower = new WebSocketFrameFollower();
        follower.Advance(Frames.Make(Frames.Close, 0, masked: true));
        Assert.Equal(WebSocketFrameFollower.NoCloseCode, follower.CloseCode);
    }

    [Fact]
    public void AControlFrameBetweenFragmentsIsABoundary()
    {
        var follower = new WebSocketFrameFollower();
        follower.Advance(Frames.Make(Frames.Text, 5, masked: false, final: false));
        Assert.True(follower.AtBoundary);
        Assert.Equal(FollowStatus.Ok, follower.Advance(Frames.Make(Frames.Ping, 125, masked: false, reserved: 7)));
        Assert.Equal(FollowStatus.Ok, follower.Advance(Frames.Make(0, 5, masked: false)));
        Assert.True(follower.AtBoundary);
    }

    [Fact]
    public void FollowingAllocatesNothing()
    {
        var (bytes, _) = Sequence([.. Enumerable.Range(0, 200)]);
        var follower = new WebSocketFrameFollower();
        follower.Advance(bytes);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1_000; i++)
        {
            follower.Advance(bytes.AsSpan(0, 7));
            follower.Advance(bytes.AsSpan(7));
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static void Check(ref WebSocketFrameFollower follower, byte[] bytes, SortedSet<int> boundaries, int start, int end)
    {
        Assert.Equal(FollowStatus.Ok, follower.Advance(bytes.AsSpan(start, end - start), out var boundary));
        var expected = boundaries.GetViewBetween(start, end);
        Assert.Equal(expected.Count == 0 ? -1 : expected.Max - start, boundary);
    }

    /// <summary>Each number is one frame: opcode, length, length's form, mask, final bit and reserved bits.</summary>
    private static (byte[] Bytes, SortedSet<int> Boundaries) Sequence(int[] shapes)
    {
        byte[] opcodes = [0, 1, 2, 8, 9, 10];
        int[] lengths = [0, 1, 5, 125, 126, 300];
        var bytes = new List<byte>();
        var boundaries = new SortedSet<int> { 0 };
        foreach (var shape in shapes)
        {
            var bits = (uint)shape * 2654435761;
            var opcode = opcodes[bits % 6];
            var length = lengths[(bits >> 4) % 6];
            var control = opcode >= 8;
            bytes.AddRange(Frames.Make(
                opcode,
                control ? Math.Min(length, 125) : length,
                masked: (bits & (1 << 10)) != 0,
                final: control || (bits & (1 << 11)) != 0,
                lengthBytes: control ? 0 : (int)((bits >> 12) % 3) switch { 0 => 0, 1 => 2, _ => 8 },
                reserved: (byte)((bits >> 16) % 8)));
            boundaries.Add(bytes.Count);
        }

        return ([.. bytes], boundaries);
    }
}
