using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using ControlPlane.Connections;
using ControlPlane.Connections.Agents;

namespace ControlPlane.Tests.Connections.Agents;

/// <summary>The first message to a terminal port.</summary>
public sealed class PtyInitTests
{
    private static readonly Guid Id = Guid.Parse("6f9619ff-8b86-4011-b42d-00c04fc964ff");

    [Fact]
    public void TheMessageIsItsLengthAndJsonWithGosNames()
    {
        var message = PtyInit.Write(new TerminalRequest(Id, 30, 65535, "top -b \"é\" 👋", null, "web", "root", "screen"))!;
        Assert.Equal(message.Length - 2, BinaryPrimitives.ReadUInt16LittleEndian(message));
        var json = JsonDocument.Parse(message.AsMemory(2)).RootElement;
        Assert.Equal(
            ["ID", "Height", "Width", "Command", "Container", "ContainerUser", "BackendType"],
            json.EnumerateObject().Select(static member => member.Name));
        Assert.Equal(Id.ToString(), json.GetProperty("ID").GetString());
        Assert.Equal((30, 65535), (json.GetProperty("Height").GetInt32(), json.GetProperty("Width").GetInt32()));
        Assert.Equal("top -b \"é\" 👋", json.GetProperty("Command").GetString());
        Assert.Equal("web", json.GetProperty("Container").GetString());
        Assert.Equal("root", json.GetProperty("ContainerUser").GetString());
        Assert.Equal("screen", json.GetProperty("BackendType").GetString());
    }

    [Theory]
    [InlineData('x', 1)]
    [InlineData('"', 2)]
    [InlineData('\u001b', 6)]
    [InlineData('é', 2)]
    public void TheLongestMessageFitsIntoOneSegment(char character, int bytes)
    {
        var empty = PtyInit.Write(new TerminalRequest(Id, 65535, 65535, "", BackendType: "buffered"))!.Length - 2;
        var longest = (1_206 - empty) / bytes;
        var request = new TerminalRequest(Id, 65535, 65535, new string(character, longest), BackendType: "buffered");
        Assert.InRange(PtyInit.Write(request)!.Length, 1_208 - bytes, 1_208);
        Assert.Null(PtyInit.Write(request with { Command = request.Command + character }));
    }

    [Fact]
    public void ACommandOf1000BytesFits() =>
        Assert.NotNull(PtyInit.Write(new TerminalRequest(Id, 65535, 65535, new string('x', 1_000), BackendType: "buffered")));

    [Fact]
    public void HalfASurrogatePairIsReplaced()
    {
        var message = PtyInit.Write(new TerminalRequest(Id, 1, 1, "a\ud83d"))!;
        Assert.Contains("\"a\\uFFFD\"", Encoding.UTF8.GetString(message), StringComparison.OrdinalIgnoreCase);
    }
}
