using Tailnet.Messages;

namespace Tailnet.Coordination;

/// <summary>
/// Where peers of a tailnet tell their nodes and hear of those they share a tunnel with (tailnet protocol document §3.7).
/// Asynchronous throughout, so that a store shared between servers can stand behind it.
/// </summary>
public interface ICoordinator
{
    /// <summary>
    /// Adds a peer. One that is connected with the same id is told so and closed; its tunnels stay with the id, and the new one hears
    /// at once of every node it shares a tunnel with.
    /// </summary>
    /// <param name="id">The peer's id.</param>
    /// <param name="auth">What the peer may do.</param>
    /// <param name="cancellationToken">Gives up.</param>
    ValueTask<ICoordinatedPeer> ConnectAsync(Guid id, ICoordinateeAuth auth, CancellationToken cancellationToken = default);
}

/// <summary>One peer's connection. Disposing it without a disconnect request before means that the peer is lost.</summary>
public interface ICoordinatedPeer : IAsyncDisposable
{
    /// <summary>The peer's id.</summary>
    Guid Id { get; }

    /// <summary>
    /// Does what a request asks, in the protocol's order. False when the peer's connection is over: responses that are left say why.
    /// </summary>
    /// <param name="request">The request; the coordinator keeps its node, so it must not be changed afterwards.</param>
    /// <param name="cancellationToken">Gives up.</param>
    ValueTask<bool> HandleAsync(CoordinateRequest request, CancellationToken cancellationToken = default);

    /// <summary>
    /// Waits for news: the latest state of every source that changed since the last call. Null when the connection is over and
    /// everything was said. One caller at a time.
    /// </summary>
    /// <param name="cancellationToken">Gives up waiting.</param>
    ValueTask<CoordinateResponse?> ReadAsync(CancellationToken cancellationToken = default);
}

/// <summary>What a peer may do.</summary>
public interface ICoordinateeAuth
{
    /// <summary>Null when the request is allowed, else the reason, which the peer sees.</summary>
    /// <param name="request">The request as it came.</param>
    /// <param name="cancellationToken">Gives up.</param>
    ValueTask<string?> CheckAsync(CoordinateRequest request, CancellationToken cancellationToken = default);
}
