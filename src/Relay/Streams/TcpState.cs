using System.Buffers.Binary;
using System.Net.Sockets;

namespace Relay.Streams;

/// <summary>What the kernel knows of a connection's peer (TCP_INFO, tcp(7)).</summary>
/// <param name="Unacknowledged">Segments that were sent and not acknowledged.</param>
/// <param name="Unanswered">Questions to a silent peer, or to one whose window is shut, since its last answer.</param>
/// <param name="SinceAck">The time since the peer's last acknowledgement, of anything; an answer to such a question is one.</param>
/// <param name="RetransmitTimeout">The time until the next try to send again; doubles with each.</param>
internal readonly record struct TcpState(uint Unacknowledged, byte Unanswered, TimeSpan SinceAck, TimeSpan RetransmitTimeout)
{
    // linux/tcp.h: the option, and the offsets in struct tcp_info.
    private const int Option = 11;
    private const int ProbesAt = 3;
    private const int RtoAt = 8;
    private const int UnackedAt = 24;
    private const int LastAckAt = 56;
    private const int Size = 60;

    /// <summary>One system call, without an allocation. False for a socket that is not TCP, that is closed, and on other systems. Never throws.</summary>
    public static bool TryRead(Socket socket, out TcpState state)
    {
        state = default;
        if (socket.ProtocolType is not ProtocolType.Tcp || !OperatingSystem.IsLinux())
        {
            return false;
        }

        Span<byte> info = stackalloc byte[Size];
        try
        {
            if (socket.GetRawSocketOption(TcpLiveness.TcpLevel, Option, info) < Size)
            {
                return false;
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // Whoever reads or writes it finds out.
            return false;
        }

        state = new TcpState(
            Number(info, UnackedAt),
            info[ProbesAt],
            TimeSpan.FromMilliseconds(Number(info, LastAckAt)),
            TimeSpan.FromMicroseconds(Number(info, RtoAt)));
        return true;
    }

    private static uint Number(ReadOnlySpan<byte> info, int at) =>
        BitConverter.IsLittleEndian ? BinaryPrimitives.ReadUInt32LittleEndian(info[at..]) : BinaryPrimitives.ReadUInt32BigEndian(info[at..]);
}
