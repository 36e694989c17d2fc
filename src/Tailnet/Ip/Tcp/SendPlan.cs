namespace Tailnet.Ip.Tcp;

/// <summary>Why a segment is sent.</summary>
internal enum SendCause
{
    /// <summary>Data that was not sent before.</summary>
    New,

    /// <summary>A part that counts as lost.</summary>
    Lost,

    /// <summary>A tail-loss probe (RFC 8985 §7).</summary>
    TailProbe,

    /// <summary>A zero-window probe (RFC 9293 §3.8.6.1).</summary>
    WindowProbe,
}

/// <summary>A segment that the sender has chosen.</summary>
/// <param name="Cause">Why it is sent.</param>
/// <param name="Position">Its first byte.</param>
/// <param name="Length">Bytes of data.</param>
/// <param name="Fin">Whether the FIN follows the data.</param>
/// <param name="Push">Whether a write of the application ends in it.</param>
internal readonly record struct SendPlan(SendCause Cause, long Position, int Length, bool Fin, bool Push)
{
    /// <summary>The position after the segment.</summary>
    public long End => Position + Length + (Fin ? 1 : 0);
}
