namespace Tailnet.Yamux;

/// <summary>Thrown by a stream or a session that has ended.</summary>
public sealed class YamuxException : IOException
{
    /// <summary>Reports that a stream was reset, or that its session ended for <paramref name="reason"/>.</summary>
    /// <param name="reason">Why the session ended; <see cref="YamuxCloseReason.None"/> when only the stream was reset.</param>
    public YamuxException(YamuxCloseReason reason)
        : base(reason == YamuxCloseReason.None ? "The stream was reset." : $"The session has ended: {reason}.")
        => Reason = reason;

    /// <summary>Why the session ended; <see cref="YamuxCloseReason.None"/> when only the stream was reset.</summary>
    public YamuxCloseReason Reason { get; }
}
