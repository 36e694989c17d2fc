namespace Tailnet.Drpc;

/// <summary>Why a dRPC connection ended; also the metric label and the log field.</summary>
public enum DrpcEnd
{
    /// <summary>The peer ended its stream between two packets.</summary>
    Finished,

    /// <summary>The stream failed, was reset, or ended inside a packet.</summary>
    StreamFailed,

    /// <summary>This side is shutting down.</summary>
    Cancelled,

    /// <summary>A number was over-long.</summary>
    BadNumber,

    /// <summary>Ids went backwards.</summary>
    BadOrder,

    /// <summary>Frames of one packet had different kinds.</summary>
    KindChanged,

    /// <summary>A packet was over the limit.</summary>
    TooLarge,

    /// <summary>A kind that this side does not know, without the bit that allows ignoring it.</summary>
    UnknownKind,

    /// <summary>A packet that its place does not allow: a second invoke, or a message that is none.</summary>
    Unexpected,
}
