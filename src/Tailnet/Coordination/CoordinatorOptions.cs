namespace Tailnet.Coordination;

/// <summary>The limits of the coordinator.</summary>
public sealed record CoordinatorOptions
{
    /// <summary>The most peer updates in one response. Default 1,024, as clients expect.</summary>
    public int MaxUpdatesPerResponse { get; init; } = 1024;

    /// <summary>The most open tunnels of a peer. One more ends its connection with an error. Default 10,000.</summary>
    public int MaxTunnels { get; init; } = 10_000;

    /// <summary>The largest encoded node in bytes. A larger one ends the peer's connection with an error. Default 256 KiB.</summary>
    public int MaxNode { get; init; } = 256 * 1024;

    /// <summary>The most unread answers of a peer to bad requests. Further ones displace the oldest. Default 16.</summary>
    public int MaxPendingErrors { get; init; } = 16;
}
