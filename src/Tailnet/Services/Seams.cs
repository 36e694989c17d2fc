using Tailnet.Messages;

namespace Tailnet.Services;

/// <summary>Where relays are, as it changes.</summary>
public interface IDerpMaps
{
    /// <summary>The map at once, then every later one; a slow reader skips to the latest.</summary>
    /// <param name="cancellationToken">Ends the watch.</param>
    IAsyncEnumerable<DERPMap> WatchAsync(CancellationToken cancellationToken);
}

/// <summary>Tokens by which a client gets its peer id again after a reconnect.</summary>
public interface IResumeTokens
{
    /// <summary>A token for a peer.</summary>
    /// <param name="peer">The peer's id.</param>
    /// <param name="cancellationToken">Gives up.</param>
    ValueTask<RefreshResumeTokenResponse> IssueAsync(Guid peer, CancellationToken cancellationToken);
}

/// <summary>Takes what clients report of their connections.</summary>
public interface ITelemetrySink
{
    /// <summary>Takes events; must not wait long.</summary>
    /// <param name="caller">Who reports.</param>
    /// <param name="events">The events.</param>
    /// <param name="cancellationToken">Gives up.</param>
    ValueTask AcceptAsync(TailnetCaller caller, IReadOnlyCollection<TelemetryEvent> events, CancellationToken cancellationToken);
}

/// <summary>A user's workspaces, as they change.</summary>
public interface IWorkspaceWatch
{
    /// <summary>Everything at once as upserts, then what changes. Throws <see cref="Drpc.DrpcException"/> when the caller may not.</summary>
    /// <param name="caller">Who asks.</param>
    /// <param name="owner">Whose workspaces.</param>
    /// <param name="cancellationToken">Ends the watch.</param>
    IAsyncEnumerable<WorkspaceUpdate> WatchAsync(TailnetCaller caller, Guid owner, CancellationToken cancellationToken);
}
