using Tailnet.Coordination;
using Tailnet.Messages;

namespace ControlPlane.Coordination;

/// <summary>
/// Wraps the coordinator for one session, and tracks when all the session's peers have read their last messages. The session's socket is
/// closed only after that.
/// </summary>
internal sealed class SessionPeers(ICoordinator coordinator) : ICoordinator
{
    private readonly Lock _lock = new();
    private readonly HashSet<Peer> _open = [];

    public async ValueTask<ICoordinatedPeer> ConnectAsync(Guid id, ICoordinateeAuth auth, CancellationToken cancellationToken = default)
    {
        var peer = new Peer(this, await coordinator.ConnectAsync(id, auth, cancellationToken));
        lock (_lock)
        {
            _open.Add(peer);
        }

        return peer;
    }

    /// <summary>Completes when the peers that are open now are disposed.</summary>
    public Task WhenDisposed()
    {
        lock (_lock)
        {
            return Task.WhenAll(_open.Select(static peer => peer.Disposed));
        }
    }

    private sealed class Peer(SessionPeers session, ICoordinatedPeer inner) : ICoordinatedPeer
    {
        private readonly TaskCompletionSource _disposed = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Guid Id => inner.Id;

        public Task Disposed => _disposed.Task;

        public ValueTask<bool> HandleAsync(CoordinateRequest request, CancellationToken cancellationToken = default) =>
            inner.HandleAsync(request, cancellationToken);

        public ValueTask<CoordinateResponse?> ReadAsync(CancellationToken cancellationToken = default) =>
            inner.ReadAsync(cancellationToken);

        public async ValueTask DisposeAsync()
        {
            await inner.DisposeAsync();
            lock (session._lock)
            {
                session._open.Remove(this);
            }

            _disposed.TrySetResult();
        }
    }
}
