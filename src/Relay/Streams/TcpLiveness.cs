using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Relay.Streams;

/// <summary>
/// Detects peers that vanished without FIN or RST. TCP keep-alive finds a silent peer within 30 s, but sends no probes while bytes are
/// unacknowledged; <see cref="VanishedPeer"/> handles that case. TCP_USER_TIMEOUT is not set: on Linux a closed receive window counts too,
/// and would end a stream whose reader lives but pauses.
/// </summary>
public static class TcpLiveness
{
    /// <summary>Silence before the first keep-alive probe, in seconds.</summary>
    public const int IdleSeconds = 15;

    /// <summary>Time between two probes, in seconds.</summary>
    public const int IntervalSeconds = 5;

    /// <summary>The number of unanswered probes that ends the connection.</summary>
    public const int Probes = 3;

    /// <summary>
    /// The longest time between two retransmissions, and between two probes of a closed window, in milliseconds. Both would grow to two
    /// minutes otherwise. From Linux 6.15 on.
    /// </summary>
    public const int LongestRetransmitMilliseconds = 5_000;

    // linux/tcp.h, TCP_RTO_MAX_MS; .NET has no name for it.
    internal const int TcpLevel = 6;
    internal const int LongestRetransmitOption = 44;

    private static volatile bool _lacksRetransmitOption = !OperatingSystem.IsLinux();

    /// <summary>Sets the options of a TCP socket: no delay, keep-alive, retransmissions. Does nothing to other sockets.</summary>
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
        if (_lacksRetransmitOption)
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
            // An older kernel lacks the option; later sockets do not try it.
            _lacksRetransmitOption = true;
        }
    }
}
