namespace Tailnet.Ip.Tcp;

/// <summary>Why a segment is sent.</summary>
internal enum SendCause
{
    /// <summary>New data: a part of the stream that was not sent before.</summary>
    New,

    /// <summary>A retransmission of data that counts as lost.</summary>
    Lost,

    /// <summary>A tail-loss probe (RFC 8985 §7).</summary>
    TailProbe,

    /// <summary>A zero-window probe (RFC 9293 §3.8.6.1).</summary>
    WindowProbe,
}

/// <summary>The next segment to send.</summary>
/// <param name="Cause">Why the segment is sent.</param>
/// <param name="Position">The stream position of its first byte.</param>
/// <param name="Length">Length of the data in bytes.</param>
/// <param name="Fin">Whether the FIN follows the data.</param>
/// <param name="Push">Whether the segment ends with the last byte that the application has written.</param>
internal readonly record struct SendPlan(SendCause Cause, long Position, int Length, bool Fin, bool Push)
{
    /// <summary>The position after the segment.</summary>
    public long End => Position + Length + (Fin ? 1 : 0);
}
