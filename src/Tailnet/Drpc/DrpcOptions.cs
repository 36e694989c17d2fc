namespace Tailnet.Drpc;

/// <summary>The limits of dRPC connections. The defaults are those of other implementations.</summary>
public sealed record DrpcOptions
{
    /// <summary>The most bytes of data in a sent frame: 64 KiB, as in other implementations.</summary>
    internal const int FrameData = 64 * 1024;

    /// <summary>The largest received packet in bytes. A larger one ends the connection. Default 4 MiB.</summary>
    public int MaxPacket { get; init; } = 4 * 1024 * 1024;

    /// <summary>The largest metadata packet of a caller in bytes. A larger one is ignored. Default 64 KiB.</summary>
    public int MaxMetadata { get; init; } = 64 * 1024;
}
