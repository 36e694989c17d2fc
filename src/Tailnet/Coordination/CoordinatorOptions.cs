namespace Tailnet.Coordination;

/// <summary>Limits of the coordinator.</summary>
public sealed record CoordinatorOptions
{
    /// <summary>Peer updates in one response. Default 1,024, as clients know it.</summary>
    public int MaxUpdatesPerResponse { get; init; } = 1024;

    /// <summary>Tunnels a peer may have opened at a time; one more ends its connection with an error. Default 10,000.</summary>
    public int MaxTunnels { get; init; } = 10_000;

    /// <summary>The encoded size of a node in bytes; a larger one ends the peer's connection with an error. Default 256 KiB.</summary>
    public int MaxNode { get; init; } = 256 * 1024;

    /// <summary>Answers to bad requests that a peer has not read; the oldest are dropped. Default 16.</summary>
    public int MaxPendingErrors { get; init; } = 16;
}
