using Tailnet.Coordination;
using Tailnet.Drpc;
using Tailnet.Messages;

namespace Tailnet.Services;

/// <summary>Who is at the other end of a session.</summary>
/// <param name="PeerId">The id by which other peers know it: the agent's, or a client's random or resumed one.</param>
/// <param name="Auth">What it may do.</param>
/// <param name="UserId">The user, for those that may watch workspaces; null for agents and proxies.</param>
public sealed record TailnetCaller(Guid PeerId, ICoordinateeAuth Auth, Guid? UserId = null);

/// <summary>What the tailnet service stands on. A part that is null makes its rpc unimplemented, which clients understand.</summary>
public sealed record TailnetParts
{
    /// <summary>Joins peers.</summary>
    public required ICoordinator Coordinator { get; init; }

    /// <summary>Says where relays are.</summary>
    public required IDerpMaps DerpMaps { get; init; }

    /// <summary>Lets a client come back with its id.</summary>
    public IResumeTokens? ResumeTokens { get; init; }

    /// <summary>Takes telemetry.</summary>
    public ITelemetrySink? Telemetry { get; init; }

    /// <summary>Follows a user's workspaces.</summary>
    public IWorkspaceWatch? Workspaces { get; init; }
}

/// <summary>Serves <c>coder.tailnet.v2.Tailnet</c> (protocol document §3.6) on the parts of a server.</summary>
/// <param name="parts">What it stands on.</param>
public sealed class TailnetService(TailnetParts parts)
{
    private const string Prefix = "/coder.tailnet.v2.Tailnet/";

    /// <summary>Adds the service's rpcs for one caller. The router may hold other services as well.</summary>
    /// <param name="router">The session's router.</param>
    /// <param name="caller">Who is at the other end.</param>
    public DrpcRouter AddTo(DrpcRouter router, TailnetCaller caller) => router
        .Add(Prefix + "Coordinate", (call, cancellationToken) => CoordinateAsync(call, caller, cancellationToken))
        .AddServerStream(
            Prefix + "StreamDERPMaps",
            StreamDERPMapsRequest.Parser,
            (_, cancellationToken) => parts.DerpMaps.WatchAsync(cancellationToken))
        .AddUnary(
            Prefix + "RefreshResumeToken",
            RefreshResumeTokenRequest.Parser,
            (_, cancellationToken) => parts.ResumeTokens?.IssueAsync(caller.PeerId, cancellationToken) ?? throw DrpcException.Unimplemented())
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
                    response = null; // Nothing of it lives on while the next is waited for.
                }
            }
            finally
            {
                await stop.CancelAsync().ConfigureAwait(false);
                await requests.ConfigureAwait(false);
            }
        }
    }

    /// <summary>Ends the peer when the caller has no more requests: without a goodbye before, that is a loss.</summary>
    private static async Task TakeRequestsAsync(DrpcCall call, ICoordinatedPeer peer, CancellationToken cancellationToken)
    {
        try
        {
            while (await call.ReceiveAsync(CoordinateRequest.Parser, cancellationToken).ConfigureAwait(false) is { } request
                && await peer.HandleAsync(request, cancellationToken).ConfigureAwait(false))
            {
                request = null; // As above.
            }
        }
        catch (OperationCanceledException)
        {
            // The caller is gone, or its responses are over.
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
