using System.Net;
using System.Net.Sockets;

namespace ControlPlane.Tests.Dialing;

/// <summary>Both ends of a TCP connection on loopback: the server's stream, and the agent's socket.</summary>
internal sealed record LoopbackAgent(LoopbackStream Stream, Socket Socket) : IDisposable
{
    public static async Task<LoopbackAgent> ConnectAsync()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(listener.LocalEndPoint!);
        return new LoopbackAgent(new LoopbackStream(socket), await listener.AcceptAsync());
    }

    /// <summary>Sends all the bytes.</summary>
    public async Task SendAsync(ReadOnlyMemory<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            bytes = bytes[await Socket.SendAsync(bytes, TestContext.Current.CancellationToken)..];
        }
    }

    /// <summary>Sends a FIN.</summary>
    public void Finish() => Socket.Shutdown(SocketShutdown.Send);

    /// <summary>All bytes until the client's FIN.</summary>
    /// <exception cref="SocketException">The server has reset the connection.</exception>
    public async Task<byte[]> ReadToEndAsync()
    {
        using var all = new MemoryStream();
        var buffer = new byte[64 * 1024];
        while (await Socket.ReceiveAsync(buffer, TestContext.Current.CancellationToken).AsTask().Soon() is var count && count > 0)
        {
            all.Write(buffer, 0, count);
        }

        return all.ToArray();
    }

    public void Dispose()
    {
        Stream.Dispose();
        Socket.Dispose();
    }
}
