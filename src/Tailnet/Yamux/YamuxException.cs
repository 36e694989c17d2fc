namespace Tailnet.Yamux;

/// <summary>A stream or a session cannot be used any more.</summary>
public sealed class YamuxException : IOException
{
    /// <summary>A stream was reset, or its session ended for <paramref name="reason"/>.</summary>
    /// <param name="reason">Why the session ended; <see cref="YamuxCloseReason.None"/> when only the stream was reset.</param>
    public YamuxException(YamuxCloseReason reason)
        : base(reason == YamuxCloseReason.None ? "The stream was reset." : $"The session has ended: {reason}.")
        => Reason = reason;

    /// <summary>Why the session ended; <see cref="YamuxCloseReason.None"/> when only the stream was reset.</summary>
    public YamuxCloseReason Reason { get; }
}
