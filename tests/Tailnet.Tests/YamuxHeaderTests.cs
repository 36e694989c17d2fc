using Tailnet.Wire;

namespace Tailnet.Tests;

public class YamuxHeaderTests
{
    [Fact]
    public void AWrittenHeaderReadsBackAsItself()
    {
        var header = new YamuxHeader(YamuxType.WindowUpdate, YamuxFlags.Syn | YamuxFlags.Fin, 7, 262_144);
        Span<byte> bytes = stackalloc byte[YamuxHeader.Size];
        header.Write(bytes);

        Assert.True(YamuxHeader.TryRead(bytes, out var read));
        Assert.Equal(header, read);
    }

    [Theory]
    [InlineData("010000000000000000000000")] // version 1
    [InlineData("000400000000000000000000")] // type 4
    [InlineData("000000100000000000000000")] // flag 16
    [InlineData("0000000000000000000000")] // a byte short
    public void WhatBreaksTheProtocolIsRefused(string hex) =>
        Assert.False(YamuxHeader.TryRead(Convert.FromHexString(hex), out _));
}
