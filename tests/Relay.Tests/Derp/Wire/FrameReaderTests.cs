using System.Buffers;
using FsCheck;
using FsCheck.Fluent;
using Relay.Derp.Wire;
using Relay.Tests.Streams;

namespace Relay.Tests.Derp.Wire;

public sealed class FrameReaderTests
{
    [Theory]
    [InlineData("0400000400", DerpFrameType.SendPacket, 1024)]
    [InlineData("0600000000", DerpFrameType.KeepAlive, 0)]
    [InlineData("05ffffffff", DerpFrameType.RecvPacket, 0xffffffff)]
    public void HeadersAreReadAtEveryLengthOfInput(string hex, DerpFrameType type, uint length)
    {
        var bytes = Vectors.Bytes(hex);
        for (var i = 0; i < bytes.Length; i++)
        {
            Assert.False(DerpFrameHeader.TryRead(bytes.AsSpan(0, i), out _));
        }

        Assert.True(DerpFrameHeader.TryRead(bytes, out var header));
        Assert.Equal(new DerpFrameHeader(type, length), header);
    }

    [Fact]
    public void AFrameIsFoundWhereverItIsSplit()
    {
        var bytes = Vectors.Bytes("12000000080102030405060708" + "0600000000");
        for (var cut = 1; cut < bytes.Length; cut++)
        {
            var buffer = Segments.Of(bytes[..cut], bytes[cut..]);

            Assert.Equal(DerpFrameStatus.Frame, DerpFrameReader.TryRead(ref buffer, 8, out var ping, out var payload));
            Assert.Equal(new DerpFrameHeader(DerpFrameType.Ping, 8), ping);
            Assert.Equal("0102030405060708", Vectors.Hex(payload.ToArray()));
            Assert.Equal(DerpFrameStatus.Frame, DerpFrameReader.TryRead(ref buffer, 8, out var keepAlive, out _));
            Assert.Equal(DerpFrameType.KeepAlive, keepAlive.Type);
            Assert.Equal(DerpFrameStatus.NeedMore, DerpFrameReader.TryRead(ref buffer, 8, out _, out _));
        }
    }

    [Fact]
    public void ALengthAboveTheBoundIsRefusedBeforeThePayloadArrives()
    {
        var buffer = new ReadOnlySequence<byte>(Vectors.Bytes("1200000009"));

        Assert.Equal(DerpFrameStatus.TooLong, DerpFrameReader.TryRead(ref buffer, 8, out _, out _));
    }

    [Fact]
    public void WhatIsWrittenIsReadBack() =>
        Prop.ForAll<byte, byte[]>(static (type, payload) =>
        {
            var frame = new byte[5 + payload.Length];
            DerpFrameHeader.Write(frame, (DerpFrameType)type, payload.Length);
            payload.CopyTo(frame, 5);
            var buffer = new ReadOnlySequence<byte>(frame);
            return DerpFrameReader.TryRead(ref buffer, payload.Length, out var header, out var read) == DerpFrameStatus.Frame
                && header == new DerpFrameHeader((DerpFrameType)type, (uint)payload.Length)
                && read.ToArray().AsSpan().SequenceEqual(payload)
                && buffer.IsEmpty;
        }).QuickCheckThrowOnFailure();
}
