using System.Net;
using System.Net.Sockets;

namespace Relay.Tests.Streams;

/// <summary>A socket pair on the loopback.</summary>
internal static class Loopback
{
    public static async Task<(Socket Near, Socket Far)> PairAsync(int buffers = 0)
    {
        using var listener = new Socket(SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        var far = new Socket(SocketType.Stream, ProtocolType.Tcp);
        if (buffers > 0)
        {
            far.ReceiveBufferSize = buffers;
            far.SendBufferSize = buffers;
        }

        await far.ConnectAsync(listener.LocalEndPoint!);
        var near = await listener.AcceptAsync();
        if (buffers > 0)
        {
            near.ReceiveBufferSize = buffers;
            near.SendBufferSize = buffers;
        }

        far.NoDelay = true;
        return (near, far);
    }
}
