using System.IO.Pipelines;
using System.Net.WebSockets;
using ControlPlane.Access;
using ControlPlane.Agents;
using ControlPlane.Connections;
using ControlPlane.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Tailnet.Coordination;
using Tailnet.Json;

namespace ControlPlane.Coordination;

/// <summary>
/// Version 1 of coordination: <c>GET me/coordinate</c>, and <c>GET {id}/coordinate</c> without a version or with 1.0 (tailnet.md §3.1). Its peers
/// are the coordinator's like all others.
/// </summary>
internal sealed class JsonSessions(
    ICoordinator coordinator,
    AgentMonitor monitor,
    ControlPlaneOptions options,
    TimeProvider time,
    IHostApplicationLifetime lifetime,
    ILogger<JsonSessions> logger)
{
    private readonly JsonCoordination _coordination = new(coordinator, logger: logger);

    /// <summary>A client of the agent in the URL.</summary>
    public Task ServeClientAsync(HttpContext context, Agent agent) => ServeAsync(
        context, stream => _coordination.ServeClientAsync(stream, Secrets.NewUuid(), agent.Id));

    /// <summary>An agent; it counts as connected while it is here.</summary>
    public async Task ServeAgentAsync(HttpContext context, Agent agent)
    {
        // Never was a later version here: agents of version 2 use me/rpc.
        var requested = ApiVersion.Requested(context, ApiVersion.Json);
        if (requested != ApiVersion.Json)
        {
            await context.WriteAsync(
                StatusCodes.Status400BadRequest,
                new ApiError("Unknown or unsupported API version", null, [new ApiValidation("version", $"version {requested} is served at me/rpc")]));
            return;
        }

        await ServeAsync(
            context,
            stream => _coordination.ServeAgentAsync(stream, agent.Id),

            // The WebSocket's own pings look after the peer: as long as it is open, the agent has answered.
            (close, ended) => monitor.RunAsync(agent.Id, static _ => Task.CompletedTask, close, ended));
    }

    private async Task ServeAsync(
        HttpContext context,
        Func<IDuplexPipe, Task<(JsonEnd End, string Reason)>> serve,
        Func<Action, CancellationToken, Task>? watch = null)
    {
        if (await WebSocketUpgrade.AcceptAsync(context, options) is not { } socket)
        {
            return;
        }

        using (socket)
        {
            var pipe = new SocketPipe(socket, options, time);
            using var ended = new CancellationTokenSource();
            var serving = serve(pipe);
            var watching = watch?.Invoke(pipe.Input.CancelPendingRead, ended.Token) ?? Task.CompletedTask;
            var (end, reason) = await serving;
            await ended.CancelAsync();
            await watching;
            if (lifetime.ApplicationStopping.IsCancellationRequested)
            {
                await pipe.FinishAsync(WebSocketCloseStatus.EndpointUnavailable, "server is shutting down");
            }
            else
            {
                await pipe.FinishAsync(StatusOf(end), reason);
            }
        }
    }

    /// <summary>As the real servers of that age closed: 1011 with the error, also when the fault is the peer's.</summary>
    private static WebSocketCloseStatus StatusOf(JsonEnd end) => end switch
    {
        JsonEnd.NotANode => WebSocketCloseStatus.InternalServerError,
        JsonEnd.TooLarge => WebSocketCloseStatus.MessageTooBig,
        JsonEnd.Refused => WebSocketCloseStatus.PolicyViolation,
        _ => WebSocketCloseStatus.NormalClosure,
    };
}
