using System.Text.Json;
using ControlPlane.Agents;
using ControlPlane.Http;
using ControlPlane.Storage;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;

namespace ControlPlane.Reinit;

/// <summary>
/// <c>GET me/reinit</c>: server-sent events that tell an agent, once a claim, to begin anew (tailnet.md §9.2). The stream ends after its one event,
/// or when none can come any more.
/// </summary>
internal sealed class ReinitApi(
    ClaimStore claims, ReinitSignals signals, AgentStore agents, ControlPlaneOptions options, TimeProvider time, IHostApplicationLifetime lifetime)
{
    private static readonly byte[] Ping = "event: ping\n\n"u8.ToArray();

    public async Task GetAsync(HttpContext context, Agent agent)
    {
        if (!TryReadBool(context.Request.Query["wait"] is [{ } text, ..] ? text : "", out var wait))
        {
            await context.WriteAsync(
                StatusCodes.Status400BadRequest,
                new ApiError("Query param \"wait\" must be a boolean.", null, [new ApiValidation("wait", "Must be \"true\" or \"false\"")]));
            return;
        }

        // Taken before the store is read: what changes after that is signalled.
        var changed = signals.Next(agent.WorkspaceId);
        var claim = await claims.FindAsync(agent.WorkspaceId);
        if (wait && await IsOverAsync(agent, claim))
        {
            await context.WriteAsync(
                StatusCodes.Status409Conflict,
                new ApiError("The workspace does not wait to be claimed.", "Nothing will tell this agent to begin anew: it need not ask again."));
            return;
        }

        // Who does not wait hears only of what is yet to come.
        var past = !wait && claim?.State == ClaimState.Claimed ? claim.Id : Guid.Empty;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, lifetime.ApplicationStopping);
        try
        {
            await StreamAsync(context, agent, wait, past, changed, stop.Token);
        }
        catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            // The stream's end: the agent asks again, here or elsewhere.
            await context.Response.CompleteAsync();
        }
    }

    private async Task StreamAsync(HttpContext context, Agent agent, bool wait, Guid past, Task changed, CancellationToken stop)
    {
        var response = context.Response;
        response.ContentType = "text/event-stream";
        response.Headers.CacheControl = "no-cache";
        response.Headers["X-Accel-Buffering"] = "no";
        if (HttpProtocol.IsHttp11(context.Request.Protocol))
        {
            response.Headers.Connection = "keep-alive";
        }

        // The first ping goes at once: proxies pass a head on with the first of its body, and no agent should have to wait for it.
        var nextPing = time.GetUtcNow();
        while (true)
        {
            var claim = await claims.FindAsync(agent.WorkspaceId);
            if (claim is { State: ClaimState.Claimed } && claim.Id != past && !await IsHandledAsync(agent, claim))
            {
                await TellAsync(context, agent, claim);
                return;
            }

            // With "wait" the agent hears of the end when it asks again (409); without, it would ask for ever.
            if ((wait && await IsOverAsync(agent, claim)) || !await agents.ExistsAsync(agent.Id))
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

    /// <summary>Counts as told once the whole of it has left; an agent that has gone before hears it again.</summary>
    private async Task TellAsync(HttpContext context, Agent agent, WorkspaceClaim claim)
    {
        // Who owns it now: the agent was read when the stream began.
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
            await claims.MarkToldAsync(agent.Id, claim.Id, CancellationToken.None);
        }
    }

    private async ValueTask<bool> IsOverAsync(Agent agent, WorkspaceClaim? claim) => claim?.State switch
    {
        ClaimState.Pending => false,
        ClaimState.Claimed => await IsHandledAsync(agent, claim),
        _ => true,
    };

    /// <summary>An agent made since then has never been anybody else's.</summary>
    private async ValueTask<bool> IsHandledAsync(Agent agent, WorkspaceClaim claim) =>
        agent.CreatedAt > claim.ChangedAt || await claims.WasToldAsync(agent.Id, claim.Id);

    private static TimeSpan Max(TimeSpan left, TimeSpan right) => left > right ? left : right;

    // The spellings of Go's strconv.ParseBool; nothing is false.
    private static bool TryReadBool(string text, out bool value)
    {
        value = text is "1" or "t" or "T" or "true" or "TRUE" or "True";
        return value || text is "" or "0" or "f" or "F" or "false" or "FALSE" or "False";
    }
}
