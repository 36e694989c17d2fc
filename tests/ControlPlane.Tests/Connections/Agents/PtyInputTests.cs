using System.Text;
using System.Text.Json;
using ControlPlane.Connections.Agents;

namespace ControlPlane.Tests.Connections.Agents;

/// <summary>Input as JSON objects: whatever the writes cut, the agent gets the same text.</summary>
public sealed class PtyInputTests
{
    private const string Text = "ls\r\u001b[A é\u0000\u007f € 👋\"\\\u2028x";

    [Fact]
    public void EverySplitIntoThreeWritesGivesTheSameText()
    {
        var bytes = Encoding.UTF8.GetBytes(Text);
        for (var first = 0; first <= bytes.Length; first++)
        {
            for (var second = first; second <= bytes.Length; second++)
            {
                Assert.Equal(Text, Write(256, bytes[..first], bytes[first..second], bytes[second..]));
            }
        }
    }

    [Theory]
    [InlineData(32)]
    [InlineData(33)]
    [InlineData(40)]
    [InlineData(100)]
    public void EveryBufferGivesTheSameText(int bufferBytes)
    {
        var bytes = Encoding.UTF8.GetBytes(Text);
        Assert.Equal(Text, Write(bufferBytes, bytes));
        Assert.Equal(Text, Write(bufferBytes, [.. bytes.Select(static one => new[] { one })]));
    }

    [Fact]
    public void ACutCharacterWaitsForItsOtherBytes()
    {
        var input = new PtyInput();
        var buffer = new byte[64];
        ReadOnlyMemory<byte> first = new byte[] { 0xF0, 0x9F, 0x91 };
        Assert.Equal(0, input.Take(ref first, buffer));
        Assert.True(first.IsEmpty);
        ReadOnlyMemory<byte> second = new byte[] { 0x8B };
        Assert.Equal("👋", Parse(buffer.AsMemory(0, input.Take(ref second, buffer))));
    }

    // Any bytes: what is not UTF-8 becomes U+FFFD, as many as the decoder of this platform makes of them.
    [Fact]
    public void AnyBytesInAnyWritesAreTheTextThatADecoderReads()
    {
        for (var seed = 0; seed < 3_000; seed++)
        {
            var random = new Random(seed);
            var bytes = new byte[random.Next(40)];
            for (var i = 0; i < bytes.Length; i++)
            {
                bytes[i] = (byte)(random.Next(4) == 0 ? random.Next(128) : random.Next(128, 256));
            }

            var writes = new List<byte[]>();
            for (var at = 0; at < bytes.Length;)
            {
                var length = Math.Min(random.Next(1, 6), bytes.Length - at);
                writes.Add(bytes[at..(at + length)]);
                at += length;
            }

            // The text ends with a character, so that nothing waits.
            writes.Add("."u8.ToArray());
            Assert.True(
                Encoding.UTF8.GetString([.. bytes, (byte)'.']) == Write(random.Next(32, 80), [.. writes]), $"seed {seed}");
        }
    }

    private static string Write(int bufferBytes, params byte[][] writes)
    {
        var input = new PtyInput();
        var buffer = new byte[bufferBytes];
        var text = "";
        foreach (var write in writes)
        {
            ReadOnlyMemory<byte> rest = write;
            while (input.Take(ref rest, buffer) is var length && length > 0)
            {
                text += Parse(buffer.AsMemory(0, length));
            }

            Assert.True(rest.IsEmpty);
        }

        return text;
    }

    private static string Parse(ReadOnlyMemory<byte> json)
    {
        var member = Assert.Single(JsonDocument.Parse(json).RootElement.EnumerateObject());
        Assert.Equal("data", member.Name);
        return member.Value.GetString()!;
    }
}
