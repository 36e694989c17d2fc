namespace Relay.Derp.Wire;

/// <summary>The result of <see cref="DerpFrameReader"/>.</summary>
internal enum DerpFrameStatus
{
    /// <summary>The frame is incomplete.</summary>
    NeedMore,

    /// <summary>The frame is complete.</summary>
    Frame,

    /// <summary>The frame is longer than allowed.</summary>
    TooLong,
}
