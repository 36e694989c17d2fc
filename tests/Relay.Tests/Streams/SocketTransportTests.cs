using System.Net.Sockets;
using Relay.Streams;

namespace Relay.Tests.Streams;

public class SocketTransportTests
{
    [Fact]
    public async Task ASilentPeerThatVanishedIsFoundWithinFortySecondsAndOneThatPausesIsLeftAlone()
    {
        var (near, far) = await Loopback.PairAsync();
        using var held = far;
        await using var transport = new SocketTransport(near);
        Assert.True(near.NoDelay);
        Assert.NotEqual(0, near.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive));
        var idle = (int)near.GetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime)!;
        var interval = (int)near.GetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval)!;
        var probes = (int)near.GetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount)!;
        Assert.Equal((15, 5, 3), (idle, interval, probes));
        if (OperatingSystem.IsLinux())
        {
            var timeout = new byte[4];
            near.GetRawSocketOption(6, 18, timeout);
            Assert.Equal(0, BitConverter.ToInt32(timeout));
        }
    }

    [Fact]
    public async Task AbortingTwiceAndEndingAfterwardsDoesNoHarm()
    {
        var (near, far) = await Loopback.PairAsync();
        using var held = far;
        await using var transport = new SocketTransport(near);
        Assert.False(transport.IsBroken);
        transport.Abort();
        transport.Abort();
        Assert.True(transport.IsBroken);
        await StreamRig.AssertResetAsync(far);
        await Assert.ThrowsAnyAsync<Exception>(() => transport.CompleteOutputAsync().AsTask());
    }
}
