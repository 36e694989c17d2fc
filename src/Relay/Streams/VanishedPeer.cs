using System.Net.Sockets;

namespace Relay.Streams;

/// <summary>
/// Finds a peer that acknowledges nothing any more, although bytes or questions wait for it. One that lives and does not read is not meant:
/// it answers the kernel's questions whether its window is still shut. To be looked at every few seconds, by one thread at a time.
/// </summary>
/// <remarks>
/// Gone is who has given no sign of life for 30 s, and owed one for the last 15 s. The first alone would end a stream that was silent for an
/// hour when its next byte is sent. Whose kernel waits longer between two tries than that (before Linux 6.15, after long pauses) has time
/// until the next one.
/// </remarks>
public struct VanishedPeer
{
    internal static readonly TimeSpan Silence = TimeSpan.FromSeconds(30);
    internal static readonly TimeSpan Owed = TimeSpan.FromSeconds(15);

    // For the answer to the last try to arrive.
    internal static readonly TimeSpan AnswerTime = TimeSpan.FromSeconds(2);

    // The first look at which it owed an acknowledgement, of which none came since; in ticks plus one, so that 0 is none.
    private long _since;

    /// <summary>Looks at the connection; one system call, which takes nothing from it. Never throws.</summary>
    /// <param name="socket">A socket that was connected.</param>
    /// <param name="now">A time that only grows.</param>
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

        var owed = now - new TimeSpan(_since - 1);
        if (_since == 0 || state.SinceAck < owed)
        {
            _since = now.Ticks + 1;
            return false;
        }

        return state.SinceAck >= Silence && owed >= Owed && owed >= state.RetransmitTimeout + AnswerTime;
    }
}
