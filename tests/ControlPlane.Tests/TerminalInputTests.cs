using System.Text;
using ControlPlane.Terminals;

namespace ControlPlane.Tests;

/// <summary>The JSON stream of a terminal's input, however it is cut.</summary>
public sealed class TerminalInputTests
{
    private const string Stream = """{"data":"ls -l\r"} {"height":24,"width":80}{"DATA":"é\u00e9😀\"}{","x":[{"y":"]"}]}""" + "\n"
        + """{"data":null,"height":null}{}""";

    private static readonly (string Data, ushort Height, ushort Width)[] Objects =
        [("ls -l\r", 0, 0), ("", 24, 80), ("éé😀\"}{", 0, 0), ("", 0, 0), ("", 0, 0)];

    [Fact]
    public void ItMeansTheSameCutAtEveryPlaceAndByteByByte()
    {
        var bytes = Encoding.UTF8.GetBytes(Stream);
        for (var cut = 0; cut <= bytes.Length; cut++)
        {
            Assert.Equal(Objects, Read(new TerminalInput(1000), bytes[..cut], bytes[cut..]));
        }

        Assert.Equal(Objects, Read(new TerminalInput(1000), [.. bytes.Select(static one => new[] { one })]));
    }

    [Theory]
    [InlineData("x")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("\"text\"")]
    [InlineData("{]")]
    [InlineData("{\"data\":1}")]
    [InlineData("{\"data\":\"a\",}")]
    [InlineData("{\"height\":65536}")]
    [InlineData("{\"height\":-1}")]
    [InlineData("{\"height\":1.5}")]
    [InlineData("{\"width\":\"80\"}")]
    [InlineData("{\"data\":\"\\ud800\"}")]
    [InlineData("{\"data\":\"\\x\"}")]
    [InlineData("{\"x\":[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]}")]
    [InlineData("{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{")]
    public void WhatIsNoInputIsRefused(string text)
    {
        foreach (var bytes in new[]
        {
            [Encoding.UTF8.GetBytes(text)], Encoding.UTF8.GetBytes(text).Select(static one => new[] { one }).ToArray(),
        })
        {
            var input = new TerminalInput(1000);
            Assert.Equal(TerminalInputStatus.Invalid, LastStatus(input, bytes));
        }
    }

    [Fact]
    public void WhatIsNotUtf8IsRefused() =>
        Assert.Equal(TerminalInputStatus.Invalid, LastStatus(new TerminalInput(1000), [[.. "{\"data\":\""u8, 0xC3, 0x28, .. "\"}"u8]]));

    [Fact]
    public void AnObjectMayHaveSoManyBytesAndNoMore()
    {
        var text = Encoding.UTF8.GetBytes("{\"data\":\"" + new string('x', 100) + "\"}");
        Assert.Single(Read(new TerminalInput(text.Length), text));
        Assert.Equal(TerminalInputStatus.TooLong, LastStatus(new TerminalInput(text.Length - 1), [text]));
        Assert.Equal(
            TerminalInputStatus.TooLong,
            LastStatus(new TerminalInput(text.Length - 1), [.. text.Select(static one => new[] { one })]));
    }

    [Fact]
    public void EndlessSpacesAreNotHeld()
    {
        var input = new TerminalInput(10);
        for (var i = 0; i < 1000; i++)
        {
            Assert.Equal(TerminalInputStatus.More, LastStatus(input, ["     \r\n\t"u8.ToArray()]));
        }

        Assert.Single(Read(input, "{}"u8.ToArray()));
    }

    private static List<(string Data, ushort Height, ushort Width)> Read(TerminalInput input, params byte[][] parts)
    {
        var objects = new List<(string, ushort, ushort)>();
        foreach (var part in parts)
        {
            ReadOnlySpan<byte> rest = part;
            while (input.Read(ref rest, out var value) is var status && status != TerminalInputStatus.More)
            {
                Assert.Equal(TerminalInputStatus.Object, status);
                objects.Add((Encoding.UTF8.GetString(value.Data.Span), value.Height, value.Width));
            }
        }

        return objects;
    }

    private static TerminalInputStatus LastStatus(TerminalInput input, byte[][] parts)
    {
        var status = TerminalInputStatus.More;
        foreach (var part in parts)
        {
            ReadOnlySpan<byte> rest = part;
            while ((status = input.Read(ref rest, out _)) == TerminalInputStatus.Object)
            {
            }

            if (status != TerminalInputStatus.More)
            {
                break;
            }
        }

        return status;
    }
}
