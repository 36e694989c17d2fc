using System.Net.Sockets;

namespace Relay.Streams;

/// <summary>
/// Detects a peer that acknowledges nothing any more, although bytes or probes are unacknowledged. A live peer that does not read is not
/// meant: it answers the kernel's window probes. Call <see cref="IsGone(Socket, TimeSpan)"/> every few seconds, on one thread at a time.
/// </summary>
/// <remarks>
/// A peer is gone if it acknowledged nothing for 30 s, and an acknowledgement was due for the last 15 s. The first condition alone would
/// end a stream that was silent for an hour as soon as its next byte is sent. If the kernel waits longer than 15 s between two
/// retransmissions (before Linux 6.15, after long pauses), the peer has time until the next one.
/// </remarks>
public struct VanishedPeer
{
    internal static readonly TimeSpan Silence = TimeSpan.FromSeconds(30);
    internal static readonly TimeSpan Overdue = TimeSpan.FromSeconds(15);

    // The time that the answer to the last retransmission may take.
    internal static readonly TimeSpan AnswerTime = TimeSpan.FromSeconds(2);

    // The time of the first check at which an acknowledgement was due that has not come since. In ticks plus one, so that 0 means none.
    private long _since;

    /// <summary>Checks the connection by one system call, which reads nothing from the socket. Never throws.</summary>
    /// <param name="socket">A socket that was connected.</param>
    /// <param name="now">A monotonic time.</param>
    public bool IsGone(Socket socket, TimeSpan now)
    {
        ArgumentNullException.ThrowIfNull(socket);
        return TcpState.TryRead(socket, out var state) && IsGone(state, now);
    }

    internal bool IsGone(in TcpState state, TimeSpan now)
    {
        if (state is { Unacknowledged: 0, Unanswered: 0 })
        {
            _since = 0;
            return false;
        }

        var overdue = now - new TimeSpan(_since - 1);
        if (_since == 0 || state.SinceAck < overdue)
        {
            _since = now.Ticks + 1;
            return false;
        }

        return state.SinceAck >= Silence && overdue >= Overdue && overdue >= state.RetransmitTimeout + AnswerTime;
    }
}
