namespace Tailnet.Drpc;

/// <summary>Limits of dRPC connections. The defaults are those of the field.</summary>
public sealed record DrpcOptions
{
    /// <summary>Bytes of data a frame carries at most when sending; fixed by what the field does. 64 KiB.</summary>
    internal const int FrameData = 64 * 1024;

    /// <summary>The largest packet put together from frames, in bytes; more ends the connection. Default 4 MiB.</summary>
    public int MaxPacket { get; init; } = 4 * 1024 * 1024;

    /// <summary>The largest metadata packet taken from a caller, in bytes; a larger one is a failed rpc. Default 64 KiB.</summary>
    public int MaxMetadata { get; init; } = 64 * 1024;
}
