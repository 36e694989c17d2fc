using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Relay.Streams;

/// <summary>
/// Finds peers that vanished without a word. Keep-alive finds the silent ones within 30 s; it rests while bytes are unacknowledged, and those
/// peers <see cref="VanishedPeer"/> finds. No limit on unacknowledged bytes (TCP_USER_TIMEOUT): Linux counts a shut receive window there
/// too, and would end a stream whose reader lives but pauses.
/// </summary>
public static class TcpLiveness
{
    /// <summary>Silence after which TCP asks whether the peer is still there, in seconds.</summary>
    public const int IdleSeconds = 15;

    /// <summary>Time between two probes, in seconds.</summary>
    public const int IntervalSeconds = 5;

    /// <summary>Probes without an answer that end the connection.</summary>
    public const int Probes = 3;

    /// <summary>
    /// The longest time between two tries to send again, and between two questions to a peer that does not read, in milliseconds; both would
    /// grow to two minutes. From Linux 6.15 on.
    /// </summary>
    public const int LongestRetransmitMilliseconds = 5_000;

    // linux/tcp.h, TCP_RTO_MAX_MS; .NET has no name for it.
    internal const int TcpLevel = 6;
    internal const int LongestRetransmitOption = 44;

    private static volatile bool _hasNoLongestRetransmit = !OperatingSystem.IsLinux();

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
        LimitRetransmits(socket);
    }

    private static void LimitRetransmits(Socket socket)
    {
        if (_hasNoLongestRetransmit)
        {
            return;
        }

        try
        {
            var longest = LongestRetransmitMilliseconds;
            socket.SetRawSocketOption(TcpLevel, LongestRetransmitOption, MemoryMarshal.AsBytes(new ReadOnlySpan<int>(in longest)));
        }
        catch (SocketException error) when (error.SocketErrorCode is SocketError.ProtocolOption or SocketError.OperationNotSupported)
        {
            // An older kernel: not to be asked again.
            _hasNoLongestRetransmit = true;
        }
    }
}
