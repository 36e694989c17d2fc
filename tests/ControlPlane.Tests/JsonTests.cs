using System.Text.Encodings.Web;
using System.Text.Json;
using ControlPlane.Http;

namespace ControlPlane.Tests;

public sealed class JsonTests
{
    private static readonly JsonSerializerOptions Options = new() { Encoder = GoJsonEncoder.Shared };

    [Theory]
    [InlineData("plain é 🦊 ' + `", "\"plain é 🦊 ' + `\"")]
    [InlineData("<&>", "\"\\u003c\\u0026\\u003e\"")]
    [InlineData("\"\\/", "\"\\\"\\\\/\"")]
    [InlineData("\n\r\t\b\f", "\"\\n\\r\\t\\b\\f\"")]
    [InlineData("\u0001\u001f\u007f", "\"\\u0001\\u001f\u007f\"")]
    [InlineData("\u2028\u2029", "\"\\u2028\\u2029\"")]
    public void StringsAreEscapedAsByGo(string text, string json)
    {
        Assert.Equal(json, JsonSerializer.Serialize(text, Options));
        Assert.Equal(text, JsonSerializer.Deserialize<string>(json));
    }

    [Fact]
    public void AnyTextSurvivesTheRoundTrip()
    {
        var text = string.Concat(Enumerable.Range(0, 0x3000).Select(static value => (char)value)) + "🦊";
        for (var start = 0; start < text.Length; start += 97)
        {
            var part = text[start..Math.Min(text.Length, start + 300)];
            Assert.Equal(part, JsonSerializer.Deserialize<string>(JsonSerializer.Serialize(part, Options)));
        }
    }

    [Fact]
    public void EscapingByCharacterAgrees() => Assert.Equal("a\\u003cb", ((TextEncoder)GoJsonEncoder.Shared).Encode("a<b"));

    [Theory]
    [InlineData("")]
    [InlineData("3b579bf4-1ed8-4b99-87a8-e9a1e341041")]
    [InlineData("3b579bf4-1ed8-4b99-87a8-e9a1e34104100")]
    [InlineData(" 3b579bf4-1ed8-4b99-87a8-e9a1e3410410")]
    [InlineData("(3b579bf4-1ed8-4b99-87a8-e9a1e3410410)")]
    [InlineData("3b579bf4x1ed8-4b99-87a8-e9a1e3410410")]
    [InlineData("urn:uuix:3b579bf4-1ed8-4b99-87a8-e9a1e3410410")]
    public void OtherSpellingsAreNoUuid(string text) => Assert.False(GoUuid.TryParse(text, out _));

    [Fact]
    public void BrokenUtf8IsRepairedAtEveryCut()
    {
        var text = "aé❌🦊b"u8.ToArray();
        for (var start = 0; start <= text.Length; start++)
        {
            for (var end = start; end <= text.Length; end++)
            {
                var repaired = Utf8Text.Repair(text.AsMemory(start..end));
                Assert.True(System.Text.Unicode.Utf8.IsValid(repaired.Span));
            }
        }

        Assert.Equal("a❌b"u8.ToArray(), Utf8Text.Repair(new byte[] { (byte)'a', 0xFF, 0xC0, 0x80, (byte)'b' }).ToArray());
    }
}
