using System.Net.Sockets;
using Relay.Derp;
using Relay.Derp.Wire;

namespace Relay.Tests.Derp;

public sealed class TuneTests
{
    [Theory]
    [InlineData(15_000)]
    [InlineData(0)]
    public void TheLimitOnUnacknowledgedBytesIsTheKernels(int milliseconds)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "TCP_USER_TIMEOUT is Linux's.");
        using var server = new DerpServer(
            NodePrivateKey.Generate(), new DerpServerOptions { TcpUserTimeout = TimeSpan.FromMilliseconds(milliseconds) },
            TimeProvider.System);
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

        server.Tune(socket);

        var value = new byte[4];
        Assert.Equal(4, socket.GetRawSocketOption(TcpUserTimeout.Level, TcpUserTimeout.Option, value));
        Assert.Equal(milliseconds, BitConverter.ToInt32(value));
    }

    [Fact]
    public void SocketsThatAreClosedOrNotTcpAreLeftAlone()
    {
        using var server = new DerpServer(NodePrivateKey.Generate(), new DerpServerOptions(), TimeProvider.System);
        var closed = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        closed.Dispose();
        using var unix = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

        server.Tune(closed);
        server.Tune(unix);

        Assert.Equal(TimeSpan.FromSeconds(15), new DerpServerOptions().TcpUserTimeout);
    }
}
