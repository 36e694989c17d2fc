using System.Text.Json;
using ControlPlane.Agents;
using ControlPlane.Http;
using ControlPlane.Storage;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;

namespace ControlPlane.Reinit;

/// <summary>
/// <c>GET me/reinit</c>: a stream of server-sent events that tells an agent, once for each claim, to reinitialize (tailnet.md §9.2). The
/// server ends the stream after that event, or when no event can come any more.
/// </summary>
internal sealed class ReinitApi(
    ClaimStore claims,
    ReinitSignals signals,
    AgentStore agents,
    ControlPlaneOptions options,
    TimeProvider time,
    IHostApplicationLifetime lifetime)
{
    private static readonly byte[] Ping = "event: ping\n\n"u8.ToArray();

    public async Task GetAsync(HttpContext context, Agent agent)
    {
        if (!TryReadBool(context.Request.Query["wait"] is [{ } text, ..] ? text : "", out var wait))
        {
            await context.WriteAsync(
                StatusCodes.Status400BadRequest,
                new ApiError(
                    "Query param \"wait\" must be a boolean.",
                    null,
                    [new ApiValidation("wait", "Must be \"true\" or \"false\"")]));
            return;
        }

        // Taken before the query, so that a change during the query is signalled.
        var changed = signals.Next(agent.WorkspaceId);
        var claim = await claims.FindAsync(agent.WorkspaceId);
        if (wait && await IsFinalAsync(agent, claim))
        {
            await context.WriteAsync(
                StatusCodes.Status409Conflict,
                new ApiError(
                    "The workspace does not wait to be claimed.",
                    "This agent will get no event. It need not repeat the request."));
            return;
        }

        // Without "wait" the stream has only later claims.
        var ignoredClaim = !wait && claim?.State == ClaimState.Claimed ? claim.Id : Guid.Empty;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, lifetime.ApplicationStopping);
        try
        {
            await StreamAsync(context, agent, wait, ignoredClaim, changed, stop.Token);
        }
        catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            // An orderly end of the stream makes the agent repeat the request, to this server or another one.
            await context.Response.CompleteAsync();
        }
    }

    private async Task StreamAsync(HttpContext context, Agent agent, bool wait, Guid ignoredClaim, Task changed, CancellationToken stop)
    {
        var response = context.Response;
        response.ContentType = "text/event-stream";
        response.Headers.CacheControl = "no-cache";
        response.Headers["X-Accel-Buffering"] = "no";
        if (HttpProtocol.IsHttp11(context.Request.Protocol))
        {
            response.Headers.Connection = "keep-alive";
        }

        // The first ping is sent at once: some proxies forward the headers only with the first bytes of the body.
        var nextPing = time.GetUtcNow();
        while (true)
        {
            var claim = await claims.FindAsync(agent.WorkspaceId);
            if (claim is { State: ClaimState.Claimed } && claim.Id != ignoredClaim && !await IsHandledAsync(agent, claim))
            {
                await SendEventAsync(context, agent, claim);
                return;
            }

            // With "wait" the agent repeats the request and gets 409. Without it the agent would repeat the request for ever.
            if ((wait && await IsFinalAsync(agent, claim)) || !await agents.ExistsAsync(agent.Id))
            {
                return;
            }

            if (time.GetUtcNow() >= nextPing)
            {
                await response.Body.WriteAsync(Ping, stop);
                await response.Body.FlushAsync(stop);
                nextPing += options.ReinitPingInterval;
            }

            await Signals.WaitAsync(changed, Max(nextPing - time.GetUtcNow(), TimeSpan.Zero), time, stop);
            changed = signals.Next(agent.WorkspaceId);
        }
    }

    /// <summary>
    /// Sends the event, and records it as delivered once the response is complete. An agent that disconnects before gets it again.
    /// </summary>
    private async Task SendEventAsync(HttpContext context, Agent agent, WorkspaceClaim claim)
    {
        // The event names the present owner. The agent was read when the stream began.
        if (await agents.FindAsync(agent.Id) is not { } current)
        {
            return;
        }

        var data = new ReinitEvent(agent.WorkspaceId, agent.WorkspaceId, "prebuild_claimed", current.OwnerId);
        await context.Response.Body.WriteAsync(
            (byte[])[.. "event: data\ndata: "u8, .. JsonSerializer.SerializeToUtf8Bytes(data, ReinitJson.Wire.ReinitEvent), .. "\n\n"u8],
            context.RequestAborted);
        await context.Response.CompleteAsync();
        if (!context.RequestAborted.IsCancellationRequested)
        {
            await claims.MarkDeliveredAsync(agent.Id, claim.Id, CancellationToken.None);
        }
    }

    /// <summary>Whether the agent will get no event for this claim, or no more.</summary>
    private async ValueTask<bool> IsFinalAsync(Agent agent, WorkspaceClaim? claim) => claim?.State switch
    {
        ClaimState.Pending => false,
        ClaimState.Claimed => await IsHandledAsync(agent, claim),
        _ => true,
    };

    /// <summary>Whether the agent got the event, or needs none: an agent that was created after the claim has had no other owner.</summary>
    private async ValueTask<bool> IsHandledAsync(Agent agent, WorkspaceClaim claim) =>
        agent.CreatedAt > claim.ChangedAt || await claims.WasDeliveredAsync(agent.Id, claim.Id);

    private static TimeSpan Max(TimeSpan left, TimeSpan right) => left > right ? left : right;

    // Accepts the spellings of Go's strconv.ParseBool. Empty text is false.
    private static bool TryReadBool(string text, out bool value)
    {
        value = text is "1" or "t" or "T" or "true" or "TRUE" or "True";
        return value || text is "" or "0" or "f" or "F" or "false" or "FALSE" or "False";
    }
}
