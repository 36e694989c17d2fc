using System.Net;
using System.Net.Sockets;
using Load.Clients;

namespace Load.Floor;

/// <summary>The process <c>Load floor derp PORT</c> or <c>Load floor streams PORT BACKEND-PORT</c>.</summary>
internal static class FloorProgram
{
    public static void Run(int port, int? backend)
    {
        using var listener = new TcpListener(IPAddress.Loopback, port);
        listener.Start(4096);
        while (true)
        {
            var client = listener.AcceptSocket();
            client.NoDelay = true;
            Wires.Run(() =>
            {
                if (backend is { } to)
                {
                    Splice(client, to);
                }
                else
                {
                    FloorRelay.Serve(client);
                }
            });
        }
    }

    // Bytes both ways without a look at them: the least that any proxy does for a stream or a request.
    private static void Splice(Socket client, int backend)
    {
        using var server = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        server.Connect(IPAddress.Loopback, backend);
        var back = Wires.Run(() => Copy(server, client));
        try
        {
            Copy(client, server);
        }
        finally
        {
            server.Shutdown(SocketShutdown.Both);
            back.Join();
            client.Dispose();
        }
    }

    private static void Copy(Socket from, Socket to)
    {
        var buffer = new byte[64 * 1024];
        while (from.Receive(buffer) is > 0 and var n)
        {
            to.Send(buffer.AsSpan(0, n));
        }

        to.Shutdown(SocketShutdown.Send);
    }
}
