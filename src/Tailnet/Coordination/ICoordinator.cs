using Tailnet.Messages;

namespace Tailnet.Coordination;

/// <summary>
/// Passes nodes between the peers of a tailnet that share a tunnel (tailnet.md §3.7). All methods are asynchronous, so that an
/// implementation may use a store that several servers share.
/// </summary>
public interface ICoordinator
{
    /// <summary>
    /// Adds a peer. An older connection with the same id gets an error and is closed. Its tunnels stay with the id, and the new connection
    /// gets every node that it shares a tunnel with at once.
    /// </summary>
    /// <param name="id">The peer's id.</param>
    /// <param name="auth">The peer's permissions.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    ValueTask<ICoordinatedPeer> ConnectAsync(Guid id, ICoordinateeAuth auth, CancellationToken cancellationToken = default);
}

/// <summary>One peer's connection. A disposal without a disconnect request before it means that the peer is lost.</summary>
public interface ICoordinatedPeer : IAsyncDisposable
{
    /// <summary>The peer's id.</summary>
    Guid Id { get; }

    /// <summary>
    /// Handles a request, in the protocol's order. Returns false when the peer's connection is over; the remaining responses say why. One
    /// caller at a time.
    /// </summary>
    /// <param name="request">The request. The coordinator keeps its node, so the caller must not change it afterwards.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    ValueTask<bool> HandleAsync(CoordinateRequest request, CancellationToken cancellationToken = default);

    /// <summary>
    /// Waits for changes and returns the latest state of every peer that changed since the last call. Returns null when the connection is
    /// over and all responses were read. One caller at a time.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    ValueTask<CoordinateResponse?> ReadAsync(CancellationToken cancellationToken = default);
}

/// <summary>The permissions of a peer.</summary>
public interface ICoordinateeAuth
{
    /// <summary>Returns null for an allowed request, otherwise the reason, which the peer sees.</summary>
    /// <param name="request">The request, unchanged.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    ValueTask<string?> CheckAsync(CoordinateRequest request, CancellationToken cancellationToken = default);
}
