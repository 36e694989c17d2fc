using System.Net;
using System.Net.Sockets;

namespace Testing;

/// <summary>Ports for processes that are started again at the same address.</summary>
public static class Ports
{
    // Below those that Linux gives to sockets that ask for any (ip_local_port_range): no other test gets one of these by chance.
    private const int First = 20_000;
    private const int Last = 32_000;

    /// <summary>A port of 127.0.0.1 on which nobody listens now.</summary>
    public static int Free()
    {
        while (true)
        {
            var port = Random.Shared.Next(First, Last);
            using var listener = new TcpListener(IPAddress.Loopback, port);
            try
            {
                listener.Start();
                return port;
            }
            catch (SocketException)
            {
                // The port is in use; try the next one.
            }
        }
    }
}
