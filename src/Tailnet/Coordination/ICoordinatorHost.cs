namespace Tailnet.Coordination;

/// <summary>The coordinator of a server, as its owner sees it.</summary>
public interface ICoordinatorHost : ICoordinator
{
    /// <summary>The number of peers that are connected to this server.</summary>
    int PeerCount { get; }

    /// <summary>Whether news from other servers arrives; always true for a coordinator that has none.</summary>
    bool IsWell { get; }

    /// <summary>
    /// Ends all connections, with the error "coordinator closed", and refuses new ones. Further calls return the same way.
    /// </summary>
    ValueTask CloseAsync();
}
