namespace Tailnet.Drpc;

/// <summary>Why a dRPC connection ended; it is also the metric label and the log field.</summary>
public enum DrpcEnd
{
    /// <summary>The peer ended its stream between two packets.</summary>
    Finished,

    /// <summary>The stream failed, was reset, or ended within a packet.</summary>
    StreamFailed,

    /// <summary>This side is shutting down.</summary>
    Cancelled,

    /// <summary>A number was longer than ten bytes or 64 bits.</summary>
    BadNumber,

    /// <summary>An id was smaller than one before it.</summary>
    BadOrder,

    /// <summary>Frames of one packet had different kinds.</summary>
    KindChanged,

    /// <summary>A packet was over the limit.</summary>
    TooLarge,

    /// <summary>A packet had an unknown kind, without the control bit that allows ignoring it.</summary>
    UnknownKind,

    /// <summary>A packet was not allowed at its place, such as a second invoke.</summary>
    Unexpected,
}
