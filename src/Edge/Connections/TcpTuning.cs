using System.Net.Sockets;

namespace Edge.Connections;

/// <summary>Options of accepted TCP sockets: how soon a peer that vanished without a word is noticed.</summary>
internal static class TcpTuning
{
    /// <summary>Bytes unacknowledged, or probes unanswered, for so long end the connection.</summary>
    internal static readonly TimeSpan DeadAfter = TimeSpan.FromSeconds(35);

    private const int KeepAliveIdleSeconds = 20;
    private const int KeepAliveIntervalSeconds = 5;
    private const int KeepAliveProbes = 3;

    // linux/tcp.h
    private const int IpProtoTcp = 6;
    private const int TcpUserTimeout = 18;

    /// <exception cref="SocketException">The socket is gone already.</exception>
    public static void Apply(Socket socket)
    {
        if (socket.AddressFamily is not (AddressFamily.InterNetwork or AddressFamily.InterNetworkV6))
        {
            return;
        }

        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, KeepAliveIdleSeconds);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, KeepAliveIntervalSeconds);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, KeepAliveProbes);
        if (OperatingSystem.IsLinux())
        {
            socket.SetRawSocketOption(IpProtoTcp, TcpUserTimeout, BitConverter.GetBytes((int)DeadAfter.TotalMilliseconds));
        }
    }
}
