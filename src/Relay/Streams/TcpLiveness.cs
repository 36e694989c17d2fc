using System.Net.Sockets;

namespace Relay.Streams;

/// <summary>
/// Keep-alive for connections that may be silent for hours: a peer that vanished without a word is found after 30 s. No limit
/// on unacknowledged bytes (TCP_USER_TIMEOUT): Linux counts a shut receive window there too, and would end a stream whose reader
/// lives but pauses.
/// </summary>
public static class TcpLiveness
{
    /// <summary>Silence after which TCP asks whether the peer is still there, in seconds.</summary>
    public const int IdleSeconds = 15;

    /// <summary>Time between two probes, in seconds.</summary>
    public const int IntervalSeconds = 5;

    /// <summary>Probes without an answer that end the connection.</summary>
    public const int Probes = 3;

    /// <summary>Sets a TCP socket up; does nothing to others.</summary>
    /// <param name="socket">A socket, connected or not.</param>
    /// <exception cref="SocketException">The socket is broken already.</exception>
    public static void Apply(Socket socket)
    {
        ArgumentNullException.ThrowIfNull(socket);
        if (socket.ProtocolType is not ProtocolType.Tcp)
        {
            return;
        }

        socket.NoDelay = true;
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, IdleSeconds);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, IntervalSeconds);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, Probes);
    }
}
