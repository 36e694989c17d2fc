using Tailnet.Messages;

namespace Tailnet.Services;

/// <summary>The source of a user's workspaces and their changes.</summary>
public interface IWorkspaceWatch
{
    /// <summary>
    /// Yields all workspaces at once as upserts, and then the changes. Throws <see cref="Drpc.DrpcException"/> for a caller without
    /// permission.
    /// </summary>
    /// <param name="caller">The caller.</param>
    /// <param name="owner">The owner of the workspaces.</param>
    /// <param name="cancellationToken">Ends the watch.</param>
    IAsyncEnumerable<WorkspaceUpdate> WatchAsync(TailnetCaller caller, Guid owner, CancellationToken cancellationToken);
}
