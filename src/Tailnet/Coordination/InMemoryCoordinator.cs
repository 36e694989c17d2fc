namespace Tailnet.Coordination;

/// <summary>The coordinator of a single server. All state is in memory.</summary>
/// <param name="options">The limits; null for the defaults.</param>
public sealed class InMemoryCoordinator(CoordinatorOptions? options = null) : ICoordinatorHost, IAsyncDisposable
{
    private readonly CoordinatorCore _core = new(options ?? new CoordinatorOptions(), sharing: null);

    /// <inheritdoc/>
    public int PeerCount => _core.PeerCount;

    /// <summary>Always true: there is no other server.</summary>
    public bool IsWell => true;

    internal bool HasNoTunnels => _core.HasNoTunnels;

    /// <inheritdoc/>
    public ValueTask<ICoordinatedPeer> ConnectAsync(Guid id, ICoordinateeAuth auth, CancellationToken cancellationToken = default) =>
        ValueTask.FromResult<ICoordinatedPeer>(_core.Connect(id, auth));

    /// <summary>Ends every peer's connection. Each peer is told that the others are lost, and that the coordinator has closed.</summary>
    public void Close() => _core.Close();

    /// <inheritdoc cref="Close"/>
    public ValueTask CloseAsync()
    {
        Close();
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc cref="Close"/>
    public ValueTask DisposeAsync() => CloseAsync();
}
