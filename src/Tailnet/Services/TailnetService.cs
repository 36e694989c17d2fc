using Tailnet.Coordination;
using Tailnet.Drpc;
using Tailnet.Messages;

namespace Tailnet.Services;

/// <summary>The caller at the other end of a session.</summary>
/// <param name="PeerId">The id by which other peers know the caller: an agent's id, or a client's random or resumed id.</param>
/// <param name="Auth">The caller's permissions.</param>
/// <param name="UserId">The user whose workspaces the caller may watch; null for agents and proxies.</param>
public sealed record TailnetCaller(Guid PeerId, ICoordinateeAuth Auth, Guid? UserId = null);

/// <summary>
/// The dependencies of the tailnet service. The rpc of a part that is null answers "unimplemented", which clients handle.
/// </summary>
public sealed record TailnetParts
{
    /// <summary>Passes nodes between peers.</summary>
    public required ICoordinator Coordinator { get; init; }

    /// <summary>The DERP map.</summary>
    public required IDerpMaps DerpMaps { get; init; }

    /// <summary>Issues tokens by which a client gets its peer id again.</summary>
    public IResumeTokens? ResumeTokens { get; init; }

    /// <summary>Receives telemetry.</summary>
    public ITelemetrySink? Telemetry { get; init; }

    /// <summary>Watches a user's workspaces.</summary>
    public IWorkspaceWatch? Workspaces { get; init; }
}

/// <summary>Serves <c>coder.tailnet.v2.Tailnet</c> (tailnet.md §3.6).</summary>
/// <param name="parts">The service's dependencies.</param>
public sealed class TailnetService(TailnetParts parts)
{
    private const string Prefix = "/coder.tailnet.v2.Tailnet/";

    /// <summary>Adds the service's rpcs for one caller. The router may have other services too.</summary>
    /// <param name="router">The session's router.</param>
    /// <param name="caller">The caller at the other end.</param>
    public DrpcRouter AddTo(DrpcRouter router, TailnetCaller caller) => router
        .Add(Prefix + "Coordinate", (call, cancellationToken) => CoordinateAsync(call, caller, cancellationToken))
        .AddServerStream(
            Prefix + "StreamDERPMaps",
            StreamDERPMapsRequest.Parser,
            (_, cancellationToken) => parts.DerpMaps.WatchAsync(cancellationToken))
        .AddUnary(
            Prefix + "RefreshResumeToken",
            RefreshResumeTokenRequest.Parser,
            (_, cancellationToken) =>
                parts.ResumeTokens?.IssueAsync(caller.PeerId, cancellationToken) ?? throw DrpcException.Unimplemented())
        .AddUnary(
            Prefix + "PostTelemetry",
            TelemetryRequest.Parser,
            async (request, cancellationToken) =>
            {
                await (parts.Telemetry ?? throw DrpcException.Unimplemented())
                    .AcceptAsync(caller, request.Events, cancellationToken).ConfigureAwait(false);
                return new TelemetryResponse();
            })
        .AddServerStream(
            Prefix + "WorkspaceUpdates",
            WorkspaceUpdatesRequest.Parser,
            (request, cancellationToken) => Workspaces(request, caller, cancellationToken));

    private async Task CoordinateAsync(DrpcCall call, TailnetCaller caller, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var peer = await parts.Coordinator.ConnectAsync(caller.PeerId, caller.Auth, cancellationToken).ConfigureAwait(false);
        await using (peer.ConfigureAwait(false))
        {
            var requests = TakeRequestsAsync(call, peer, stop.Token);
            try
            {
                while (await peer.ReadAsync(cancellationToken).ConfigureAwait(false) is { } response)
                {
                    await call.SendAsync(response, cancellationToken).ConfigureAwait(false);
                    response = null; // Frees the response while this loop waits for the next one.
                }
            }
            finally
            {
                await stop.CancelAsync().ConfigureAwait(false);
                await requests.ConfigureAwait(false);
            }
        }
    }

    /// <summary>
    /// Handles the caller's requests, and disposes the peer after the last one. Without a disconnect request the peer is lost.
    /// </summary>
    private static async Task TakeRequestsAsync(DrpcCall call, ICoordinatedPeer peer, CancellationToken cancellationToken)
    {
        try
        {
            while (await call.ReceiveAsync(CoordinateRequest.Parser, cancellationToken).ConfigureAwait(false) is { } request
                && await peer.HandleAsync(request, cancellationToken).ConfigureAwait(false))
            {
                request = null; // Frees the request while this loop waits for the next one.
            }
        }
        catch (OperationCanceledException)
        {
            // The caller has disconnected, or its responses have ended.
        }
        finally
        {
            await peer.DisposeAsync().ConfigureAwait(false);
        }
    }

    private IAsyncEnumerable<WorkspaceUpdate> Workspaces(
        WorkspaceUpdatesRequest request, TailnetCaller caller, CancellationToken cancellationToken)
    {
        if (parts.Workspaces is null || caller.UserId is null)
        {
            throw DrpcException.Unimplemented();
        }

        return PeerIds.TryRead(request.WorkspaceOwnerId, out var owner)
            ? parts.Workspaces.WatchAsync(caller, owner, cancellationToken)
            : throw new DrpcException(0, "invalid workspace owner ID");
    }
}
