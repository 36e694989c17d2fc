using System.Text;
using Relay.Streams.Wire;

namespace Relay.Tests.Streams.Wire;

public class CloseFrameTests
{
    [Fact]
    public void AServersCloseFrameIsUnmasked()
    {
        Span<byte> room = stackalloc byte[CloseFrame.MaxSize];
        var size = CloseFrame.Write(room, 1001, "bye"u8);
        Assert.Equal("880503e9" + "627965", Convert.ToHexStringLower(room[..size]));
    }

    [Fact]
    public void AClientsCloseFrameIsMasked()
    {
        Span<byte> room = stackalloc byte[CloseFrame.MaxSize];
        var size = CloseFrame.WriteMasked(room, 1001, "bye"u8, 0x01020304);
        Assert.Equal("8885" + "01020304" + "02eb617d64", Convert.ToHexStringLower(room[..size]));
    }

    [Fact]
    public void TheLongestReasonFitsAndALongerOneIsRefused()
    {
        var room = new byte[CloseFrame.MaxSize];
        var reason = Encoding.ASCII.GetBytes(new string('x', 123));
        Assert.Equal(CloseFrame.MaxSize, CloseFrame.WriteMasked(room, 1001, reason, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => CloseFrame.Write(room, 1001, new byte[124]));
    }
}
