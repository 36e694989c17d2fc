using System.Buffers.Binary;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Relay.Streams;

/// <summary>The kernel's state of a TCP connection (TCP_INFO, tcp(7)).</summary>
/// <param name="Unacknowledged">Segments that were sent and not acknowledged.</param>
/// <param name="Unanswered">Keep-alive and window probes since the peer's last answer.</param>
/// <param name="SinceAck">The time since the peer's last acknowledgement; an answer to a probe is one.</param>
/// <param name="RetransmitTimeout">The time until the next retransmission; it doubles with each.</param>
internal readonly record struct TcpState(uint Unacknowledged, byte Unanswered, TimeSpan SinceAck, TimeSpan RetransmitTimeout)
{
    // linux/tcp.h: the option, and the offsets in struct tcp_info.
    private const int Option = 11;
    private const int ProbesAt = 3;
    private const int RtoAt = 8;
    private const int UnackedAt = 24;
    private const int LastAckAt = 56;
    private const int Size = 60;
    private const int BytesAckedAt = 120;
    private const int NotSentAt = 144;
    private const int FullSize = 148;

    /// <summary>
    /// Reads the state by one system call, without an allocation. Returns false for a socket that is not TCP or is closed, and on systems
    /// other than Linux. Never throws.
    /// </summary>
    public static bool TryRead(Socket socket, out TcpState state)
    {
        state = default;
        Span<byte> info = stackalloc byte[Size];
        if (!TryRead(socket, info))
        {
            return false;
        }

        state = new TcpState(
            Number(info, UnackedAt),
            info[ProbesAt],
            TimeSpan.FromMilliseconds(Number(info, LastAckAt)),
            TimeSpan.FromMicroseconds(Number(info, RtoAt)));
        return true;
    }

    /// <summary>
    /// Bytes that the peer has acknowledged; one system call. The number grows while the peer reads, also when the kernel's buffer is so
    /// large that the next write still waits. 0 for a socket that is not TCP or is closed, and on systems other than Linux. Never throws.
    /// </summary>
    public static long Acknowledged(Socket socket)
    {
        Span<byte> info = stackalloc byte[FullSize];
        return TryRead(socket, info) ? MemoryMarshal.Read<long>(info[BytesAckedAt..]) : 0;
    }

    /// <summary>
    /// Whether bytes, sent or unsent, or the FIN, are not acknowledged; one system call. False for a socket that is not TCP or is closed,
    /// and on systems other than Linux. Never throws.
    /// </summary>
    public static bool HasUnacknowledged(Socket socket)
    {
        Span<byte> info = stackalloc byte[FullSize];
        return TryRead(socket, info) && (Number(info, UnackedAt) | Number(info, NotSentAt)) != 0;
    }

    private static bool TryRead(Socket socket, Span<byte> info)
    {
        try
        {
            return OperatingSystem.IsLinux()
                && socket.ProtocolType is ProtocolType.Tcp
                && socket.GetRawSocketOption(TcpLiveness.TcpLevel, Option, info) >= info.Length;
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // The next read or write of the socket reports the error.
            return false;
        }
    }

    private static uint Number(ReadOnlySpan<byte> info, int at) =>
        BitConverter.IsLittleEndian
            ? BinaryPrimitives.ReadUInt32LittleEndian(info[at..])
            : BinaryPrimitives.ReadUInt32BigEndian(info[at..]);
}
