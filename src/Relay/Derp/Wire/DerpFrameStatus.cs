namespace Relay.Derp.Wire;

/// <summary>What <see cref="DerpFrameReader"/> found.</summary>
internal enum DerpFrameStatus
{
    /// <summary>Not all of a frame is there.</summary>
    NeedMore,

    /// <summary>A frame.</summary>
    Frame,

    /// <summary>A frame longer than allowed.</summary>
    TooLong,
}
